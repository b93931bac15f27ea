"""One connection of a client: what it says, what it takes, and where that leaves its cursor."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from gateway.client.cursor import Follower
from gateway.client.messages import ChangesPage, Frame, Message, read_entry, read_frame
from inbox.errors import BellwireError
from inbox.model import Cursor
from inbox.times import monotonic_s

ACK_S = 1.0
SILENCE_S = 60.0
"""A server pings every 25 s: one that says nothing for so long is gone."""

Fetch = Callable[[Cursor], Awaitable[ChangesPage]]


class Session:
    """Says hello on ``socket`` and yields what is new by the client's rule.

    :param fetch: the pull API's changes after a cursor, for what the socket did not bring.
    :param topics: live channels to be in.
    """

    def __init__(
        self, socket: ClientConnection, token: str, follower: Follower, fetch: Fetch, topics: Sequence[str] = ()
    ) -> None:
        self._socket = socket
        self._token = token
        self._follower = follower
        self._fetch = fetch
        self._topics = topics
        self._acked_at = 0.0
        self._owes_ack = False
        self.welcomed = False
        self.bye: Frame | None = None

    async def messages(self) -> AsyncIterator[Message]:
        """The welcome of a snapshot and entries, each once and in order, and signals, until the connection ends.

        :raises ConnectionClosed: it ended, ``bye`` holds what the server said before.
        :raises TimeoutError: the server fell silent.
        :raises StreamReset: the stream was started over.
        :raises BellwireError: a channel is not to be entered.
        """
        await self._say_hello()
        while True:
            raw = await self._receive()
            async for message in self._take(read_frame(raw), raw):
                yield message
                self._have(message)

    async def _say_hello(self) -> None:
        hello: dict[str, object] = {"t": "hello", "token": self._token, "sdk": "cli/1.0"}
        if (cursor := self._follower.cursor) is not None:
            hello["cursor"] = {"epoch": cursor.epoch, "seq": cursor.seq}
        await self._say(hello)

    async def _receive(self) -> bytes:
        while True:
            wait_s = SILENCE_S
            if self._owes_ack:
                wait_s = self._acked_at + ACK_S - monotonic_s()
                if wait_s <= 0:
                    await self._ack()
                    continue
            try:
                async with asyncio.timeout(wait_s):
                    return await self._socket.recv(decode=False)
            except TimeoutError:
                if not self._owes_ack:
                    raise TimeoutError(f"the server said nothing for {SILENCE_S:g} s") from None

    async def _take(self, frame: Frame, raw: bytes) -> AsyncIterator[Message]:
        match frame.t:
            case "welcome":
                self.welcomed = True
                for topic in self._topics:
                    await self._say({"t": "sub", "topic": topic})
                async for message in self._welcome(frame, raw):
                    yield message
            case "entry":
                async for message in self._entry(Message("entry", frame.seq, raw)):
                    yield message
            case "signal":
                yield Message("signal", 0, raw)
            case "error":
                raise BellwireError(f"the server refused: {frame.message}")
            case "sync":
                async for message in self._catch_up(frame.seq):
                    yield message
            case "ping":
                await self._say({"t": "pong"})
            case "bye":
                self.bye = frame

    async def _welcome(self, welcome: Frame, raw: bytes) -> AsyncIterator[Message]:
        if not welcome.resumed:
            self._follower.start(welcome.epoch, welcome.seq)
            yield Message("welcome", welcome.seq, raw)
        for entry in welcome.entries:
            async for message in self._entry(read_entry(bytes(entry))):
                yield message

    async def _entry(self, entry: Message) -> AsyncIterator[Message]:
        if self._follower.judge(entry.seq) == "fetch":
            async for message in self._catch_up(entry.seq - 1):
                yield message
        if self._follower.judge(entry.seq) == "apply":
            yield entry

    async def _catch_up(self, upto: int) -> AsyncIterator[Message]:
        """Fetch pages of changes until the cursor stands at ``upto``."""
        while (cursor := self._follower.cursor) is not None and cursor.seq < upto:
            page = await self._fetch(cursor)
            for raw in page.entries:
                entry = read_entry(bytes(raw))
                if self._follower.judge(entry.seq) == "apply":
                    yield entry
            if self._follower.cursor == cursor:
                raise ConnectionError("the server's changes do not go on from the cursor")

    def _have(self, message: Message) -> None:
        """The consumer came back for more, so it has ``message``."""
        if message.t == "entry":
            self._follower.applied(message.seq)
        self._owes_ack |= message.t != "signal"

    async def _ack(self) -> None:
        self._owes_ack = False
        self._acked_at = monotonic_s()
        if (cursor := self._follower.cursor) is not None:
            await self._say({"t": "ack", "seq": cursor.seq})

    async def _say(self, message: dict[str, object]) -> None:
        # What came before a close is still to be read, and reading tells of the close.
        with suppress(ConnectionClosed):
            await self._socket.send(orjson.dumps(message).decode())
