"""How large a head may be that arrives in pieces, behind whole requests: fed to the protocol, so that pieces stay."""

import asyncio
from typing import Any

import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from gateway.http.callers import Callers
from gateway.http.protocol import BoundedHttpProtocol
from gateway.live.addresses import Addresses
from gateway.settings import LIMITS
from tests.waiting import until

pytestmark = pytest.mark.anyio

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b"x" * LIMITS.head_bytes
POST = b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
CHUNKS = b"POST /token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4000\r\n%s\r\n0\r\n" % LARGE

OK = Response()

BEFORE: dict[str, tuple[int, bytes]] = {
    "nothing": (0, b""),
    "an empty line": (0, b"\r\n"),
    "many requests": (1_000, GET * 1_000),
    "a body": (1, POST % (len(LARGE), LARGE)),
    "a body with empty lines": (1, POST % (len(LARGE) + 8, b"\r\n\r\n" + LARGE + b"\r\n\r\n")),
    "a body like a request": (1, POST % (len(GET) + len(LARGE), GET + LARGE)),
    "chunks": (1, CHUNKS + b"\r\n"),
}
"""How many requests are before a head, and their bytes."""


class Client(asyncio.Transport):
    """The other side of a connection."""

    def __init__(self, app: ASGIApp = OK) -> None:
        super().__init__()
        self.heard = b""
        self._is_closing = False
        config = uvicorn.Config(app, interface="asgi3", log_config=None)
        callers = Callers(LIMITS, Addresses(None), lambda: 0)
        self._protocol = BoundedHttpProtocol(callers, config=config, server_state=ServerState(), app_state={})
        self._protocol.connection_made(self)

    def send(self, *pieces: bytes) -> None:
        """What is left of them when the connection is closed is lost."""
        for piece in pieces:
            if piece and not self._is_closing:
                self._protocol.data_received(piece)

    def answers(self) -> int:
        return self.heard.count(b"HTTP/1.1 200 OK\r\n")

    # What the protocol sees

    def write(self, data: Any) -> None:
        self.heard += data

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._protocol.connection_lost(None)

    def pause_reading(self) -> None:
        """It is deaf to that, as a transport that has read already."""

    def resume_reading(self) -> None:
        pass


def head(size: int) -> bytes:
    """One of ``size`` bytes."""
    start = GET[:-2] + b"X: "
    return start + b"x" * (size - len(start) - 4) + b"\r\n\r\n"


def batched(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("cut", [1, 4, 5, 12, 22, 23, 2_000])
@pytest.mark.parametrize(("requests", "before"), BEFORE.values(), ids=BEFORE)
async def test_only_what_belongs_to_a_head_counts_against_its_size(requests: int, before: bytes, cut: int) -> None:
    client, almost = Client(), head(LIMITS.head_bytes - 30)
    client.send(before + almost[:cut], almost[cut:-10], almost[-10:])
    await until(lambda: client.is_closing() or client.answers() > requests)

    assert client.answers() == requests + 1
    client.close()


@pytest.mark.parametrize("cut", [1, 4, 5, 12, 22, 23, LIMITS.head_bytes])
@pytest.mark.parametrize(("requests", "before"), BEFORE.values(), ids=BEFORE)
async def test_a_head_that_is_too_large_is_refused_before_its_end(requests: int, before: bytes, cut: int) -> None:
    client, large = Client(), head(LIMITS.head_bytes + 30)
    client.send(before + large[:cut], large[cut:-10])
    await until(client.is_closing)

    assert client.answers() == requests


@pytest.mark.parametrize("trailers", [b"X: y\r\n" * 5_000, b"X: " + b"y" * 30_000], ids=["many", "one without end"])
async def test_trailers_are_bounded_as_a_head_is(trailers: bytes) -> None:
    client = Client()
    client.send(CHUNKS, *batched(trailers, 1_000))

    assert client.is_closing()
    assert client.heard.startswith(b"HTTP/1.1 431 ")


async def test_trailers_behind_an_answer_get_no_other() -> None:
    client = Client()
    client.send(CHUNKS)
    await until(lambda: client.answers() == 1)
    client.send(b"X: ", *batched(LARGE, 1_000))

    assert client.is_closing()
    assert client.heard.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("size", [1, 7, 1_000, 20_000])
async def test_chunks_that_arrive_in_pieces_are_no_trailers(size: int) -> None:
    client = Client()
    client.send(*batched(CHUNKS[:-3] + b"4000\r\n%s\r\n0\r\nX: y\r\n\r\n" % LARGE, size))
    await until(lambda: client.is_closing() or client.answers() == 1)

    assert client.answers() == 1
    client.close()


async def test_trailers_are_not_taken_for_headers() -> None:
    async def name_headers(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(b" ".join(name for name, _ in scope["headers"]))(scope, receive, send)

    client = Client(name_headers)
    client.send(CHUNKS + b"X-Forwarded-For: 10.0.0.1\r\n\r\n")
    await until(lambda: client.answers() == 1)

    assert client.heard.endswith(b"\r\n\r\nhost transfer-encoding")
    client.close()
