"""Connections to Redis: redis-py connects and authenticates, then bytes go straight through hiredis."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from typing import Any, cast

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError, InvalidResponse, ResponseError

# A reply that is still incomplete beyond this comes from nobody of ours: the connection is given up.
_REPLY_BYTES_MAX = 4 * 1024 * 1024
_INCOMPLETE = object()
_ELSEWHERE = ("MOVED ", "CLUSTERDOWN ")


class Elsewhere(ResponseError):
    """What a primary of a cluster answers about a slot that it does not own, or no longer."""


def _error(text: str) -> ResponseError:
    return (Elsewhere if text.startswith(_ELSEWHERE) else ResponseError)(text)


def pack(*command: str | bytes) -> bytes:
    """A command as the bytes that go to Redis."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]
    return packed


class Link(asyncio.Protocol):
    """One connected connection. Commands and replies are not paired: that is the user's business.

    Everything waits as long as Redis lets it: the user sets the deadline. Whatever breaks the link is raised to those
    who wait on it.

    :param elsewhere: called when replies came that are ``Elsewhere``.
    """

    def __init__(self, connection: AbstractConnection, elsewhere: Callable[[], None]) -> None:
        # Private, but its own reader costs several times as much a message and hides confirmations of subscriptions.
        source: Any = connection._reader
        assert connection._writer is not None
        self._transport = cast("asyncio.Transport", connection._writer.transport)  # uvloop's is none by inheritance
        self._elsewhere = elsewhere
        self._parser = hiredis.Reader(protocolError=InvalidResponse, replyError=_error, notEnoughData=_INCOMPLETE)
        self._take: Callable[[list[Any]], float] = self._keep
        self._kept: list[Any] = []
        self._due = 0
        self._answered = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._resuming: asyncio.TimerHandle | None = None
        self._error: Exception | None = None
        self._transport.set_protocol(self)
        if source._buffer:
            self.data_received(bytes(source._buffer))
        if source._eof or self._transport.is_closing():
            self.eof_received()

    async def send(self, commands: bytes) -> None:
        """Send ``commands`` once Redis takes more. Raises as ``call``."""
        await self._until(self._writable)
        self._transport.write(commands)

    async def call(self, commands: Sequence[bytes]) -> list[Any]:
        """Send ``commands`` and wait until each has its reply.

        :raises ConnectionError: Redis closed the connection, or a reply exceeds 4 MiB.
        :raises ResponseError: one of the replies is an error other than ``Elsewhere``, which is a reply like others.
        """
        await self.send(b"".join(commands))
        self._due = len(commands)
        if len(self._kept) < self._due:
            self._answered.clear()
            await self._until(self._answered)
        replies, self._kept = self._kept, []
        return replies

    async def listen(self, take: Callable[[list[Any]], float]) -> None:
        """Hand to ``take`` what comes, until the link breaks: then raises as ``call``, or what ``take`` raised.

        ``take`` gets the replies that came together, and returns for how many seconds the next are left to gather.
        They do so in the kernel, which wakes nobody.
        """
        kept, self._kept = self._kept, []
        self._take = take
        self._hand_over(kept)
        self._answered.clear()
        await self._until(self._answered)

    def close(self) -> None:
        """At once, without waiting for what a frozen Redis has not taken."""
        if self._resuming is not None:
            self._resuming.cancel()
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self._hand_over(self._parse(data))
        except Exception as error:
            self._break(error)

    def eof_received(self) -> None:
        self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._break(exc or ConnectionError("Redis closed the connection"))

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _parse(self, data: bytes) -> list[Any]:
        self._parser.feed(data)
        replies = []
        while (reply := self._parser.gets()) is not _INCOMPLETE:
            if isinstance(reply, Exception):
                if not isinstance(reply, Elsewhere):
                    raise reply
                self._elsewhere()
            replies.append(reply)
        if self._parser.len() > _REPLY_BYTES_MAX:
            raise ConnectionError(f"a reply of Redis is larger than {_REPLY_BYTES_MAX} bytes")
        return replies

    def _hand_over(self, replies: list[Any]) -> None:
        pause_s = self._take(replies)
        if pause_s:
            self._transport.pause_reading()
            self._resuming = asyncio.get_running_loop().call_later(pause_s, self._transport.resume_reading)

    def _keep(self, replies: list[Any]) -> float:
        self._kept += replies
        if len(self._kept) >= self._due:
            self._answered.set()
        return 0.0

    async def _until(self, event: asyncio.Event) -> None:
        if self._error is None:
            await event.wait()
        if self._error is not None:
            raise self._error

    def _break(self, error: Exception) -> None:
        """End with the first ``error``: those that follow are its consequences."""
        if self._error is None:
            self._error = error
            self._answered.set()
            self._writable.set()
            self.close()


@asynccontextmanager
async def connected(connection: AbstractConnection, elsewhere: Callable[[], None]) -> AsyncIterator[Link]:
    """A link over ``connection``, closed at the end."""
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
        with closing(Link(connection, elsewhere)) as link:
            yield link
    finally:
        await connection.disconnect(nowait=True)
