"""A client of ``GET /v1/stream`` that writes its own request, and reads only when it is told to."""

import asyncio
import json
import socket
from types import TracebackType

from msgspec import Struct

from tests.gateway.live.node import READ_S, Json, Node


class Event(Struct):
    """One event, or a comment: then ``data`` is ``None``."""

    id: str | None = None
    retry: int | None = None
    data: bytes | None = None

    @property
    def message(self) -> Json:
        assert self.data is not None
        message: Json = json.loads(self.data)
        return message


class EventSource:
    """One request, and what answers it.

    :param ask: the request line without its version.
    """

    def __init__(
        self,
        node: Node,
        token: str = "ann",
        last_event_id: str | None = None,
        *,
        ask: str = "GET /v1/stream",
        version: str = "1.1",
        headers: str = "",
    ) -> None:
        resume = "" if last_event_id is None else f"Last-Event-ID: {last_event_id}\r\n"
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        self.request = f"{ask} HTTP/{version}\r\nHost: localhost\r\n{bearer}{resume}{headers}\r\n".encode()
        self._port = node.port
        self._socket: socket.socket
        self._unread = b""

    async def __aenter__(self) -> "EventSource":
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        await asyncio.get_running_loop().sock_connect(self._socket, ("127.0.0.1", self._port))
        await self.send(self.request)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        self._socket.close()

    def half_close(self) -> None:
        """Send no more, and go on reading."""
        self._socket.shutdown(socket.SHUT_WR)

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(READ_S):
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def flood(self, data: bytes) -> None:
        """Send the same over and over. :raises ConnectionError: the server had enough."""
        while True:
            await self.send(data)

    async def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers."""
        line, *fields = (await self._upto(b"\r\n\r\n")).decode().splitlines()
        pairs = (field.partition(": ") for field in fields if field)
        return int(line.split()[1]), {name.lower(): value for name, _, value in pairs}

    async def event(self) -> Event:
        """The next event. Comments come at a random time."""
        while True:
            event = await self.block()
            if event.data is not None:
                return event

    async def block(self) -> Event:
        """The next event or comment."""
        event = Event()
        for line in (await self._upto(b"\n\n")).splitlines():
            name, _, value = line.partition(b": ")
            match name:
                case b"id":
                    event.id = value.decode()
                case b"retry":
                    event.retry = int(value)
                case b"data":
                    assert event.data is None
                    event.data = value
                case _:
                    assert line in (b":", b""), line
        return event

    async def hear_t(self, t: str) -> Event:
        """The next message of this kind."""
        while True:
            event = await self.event()
            if event.message["t"] == t:
                return event

    async def welcome(self) -> Event:
        """Read up to the welcome."""
        status, _ = await self.head()
        assert status == 200
        return await self.event()

    async def entries(self, count: int) -> list[Event]:
        return [await self.hear_t("entry") for _ in range(count)]

    async def rest(self) -> bytes:
        """All that comes until the server ends the connection."""
        try:
            while more := await self._some():
                self._unread += more
        except ConnectionResetError:
            pass
        return self._unread

    async def body(self, size: int) -> bytes:
        """So many bytes."""
        while len(self._unread) < size:
            self._unread += await self._some()
        found, self._unread = self._unread[:size], self._unread[size:]
        return found

    async def problem(self, status: int) -> Json:
        """The problem that answers with ``status``."""
        seen, headers = await self.head()
        assert seen == status
        found: Json = json.loads(await self.body(int(headers["content-length"])))
        return found

    async def _upto(self, end: bytes) -> bytes:
        while end not in self._unread:
            more = await self._some()
            if not more:
                raise ConnectionResetError(f"the server ended the connection after {self._unread!r}")
            self._unread += more
        found, _, self._unread = self._unread.partition(end)
        return found + end

    async def _some(self) -> bytes:
        async with asyncio.timeout(READ_S):
            return await asyncio.get_running_loop().sock_recv(self._socket, 1 << 16)


def seqs(events: list[Event]) -> list[int]:
    return [event.message["seq"] for event in events]
