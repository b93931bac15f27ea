"""A client that does to the socket whatever a test wants, against every rule."""

import asyncio
import socket
from types import TracebackType

from tests.gateway.live.node import READ_S, Node

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
CONT = 0
HELLO = b'{"t":"hello","token":"ann"}'


def frame(opcode: int, payload: bytes, *, fin: bool = True, mask: bool = True, reserved: int = 0) -> bytes:
    """One frame as clients send them, unless told otherwise."""
    head = bytes((fin << 7 | reserved << 4 | opcode,))
    size = len(payload)
    masked = 0x80 if mask else 0
    if size < 126:
        head += bytes((masked | size,))
    elif size < 1 << 16:
        head += bytes((masked | 126,)) + size.to_bytes(2, "big")
    else:
        head += bytes((masked | 127,)) + size.to_bytes(8, "big")
    # A mask of zeros leaves the payload as it is.
    return head + (bytes(4) if mask else b"") + payload


class RawClient:
    """A connection after its handshake. It reads only when it is told to."""

    def __init__(self, node: Node) -> None:
        self._port = node.port
        self._socket = socket.socket()

    async def __aenter__(self) -> "RawClient":
        await self.ask()
        await self.accepted()
        return self

    async def ask(self, line: bytes = b"GET /v1/ws HTTP/1.1") -> None:
        """Connect and ask for a WebSocket, with this request line and perhaps the first headers."""
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, ("127.0.0.1", self._port))
        named = line.lower()
        await self.send(
            line
            + b"\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + (b"" if b"websocket-version" in named else b"Sec-WebSocket-Version: 13\r\n")
            + (b"" if b"websocket-key" in named else b"Sec-WebSocket-Key: " + b"A" * 22 + b"==\r\n")
            + b"\r\n"
        )

    async def status(self) -> bytes:
        """The status of the answer."""
        return (await self._exactly(12))[9:]

    async def accepted(self) -> None:
        """Read the answer."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await self._exactly(1)
        assert head.startswith(b"HTTP/1.1 101"), head

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        self._socket.close()

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(READ_S):
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def flood(self, data: bytes) -> None:
        """Send the same over and over. :raises ConnectionError: the server had enough."""
        while True:
            await self.send(data)

    async def receive(self) -> tuple[int, bytes]:
        """The next frame of the server: opcode and payload. Its pings come at a random time."""
        while (received := await self.frame()) == (TEXT, b'{"t":"ping"}'):
            pass
        return received

    async def frame(self) -> tuple[int, bytes]:
        """The next frame, be it a ping."""
        first, size = await self._exactly(2)
        if size >= 126:
            size = int.from_bytes(await self._exactly(2 if size == 126 else 8), "big")
        return first & 15, await self._exactly(size)

    async def close_code(self) -> int:
        """The code of the close frame that comes."""
        while True:
            opcode, payload = await self.receive()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")

    async def is_cut(self) -> bool:
        """Whether the server ended the connection, once everything that came is read."""
        try:
            while await self._some(1 << 16):
                pass
        except ConnectionResetError:
            pass
        return True

    async def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = await self._some(size - len(data))
            if not more:
                raise ConnectionResetError("the server ended the connection")
            data += more
        return data

    async def _some(self, most: int) -> bytes:
        async with asyncio.timeout(READ_S):
            return await asyncio.get_running_loop().sock_recv(self._socket, most)
