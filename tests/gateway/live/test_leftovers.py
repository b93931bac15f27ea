"""However a connection ends, nothing of it is left: the garbage collector looks at the young only."""

import asyncio
import gc
import socket
from collections import Counter
from collections.abc import Iterator

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from websockets.http11 import Request
from websockets.server import ServerProtocol

from gateway.live.frames import FrameReader
from gateway.live.handover import LiveHttpProtocol
from gateway.live.held_stream import HeldStream
from gateway.live.session import Session
from gateway.live.websocket import WebSocket
from tests.gateway.live.node import READ_S, Node
from tests.gateway.live.raw import CLOSE, HELLO, TEXT, RawClient, frame
from tests.gateway.live.test_bad_frames import BAD
from tests.waiting import until

pytestmark = pytest.mark.anyio

KINDS = {
    FrameReader,
    HeldStream,
    LiveHttpProtocol,
    Request,
    RequestResponseCycle,
    ServerProtocol,
    Session,
    WebSocket,
}


def alive() -> Counter[str]:
    """What there is of connections. Circles of references count until the garbage collector finds them."""
    return Counter(type(thing).__name__ for thing in gc.get_objects() if type(thing) in KINDS)


@pytest.fixture
def before() -> Iterator[Counter[str]]:
    """What there was. The garbage collector does not run."""
    gc.collect()
    gc.disable()
    yield alive()
    gc.enable()


async def test_no_end_of_a_session_leaves_work_for_the_garbage_collector(node: Node, before: Counter[str]) -> None:
    closed = [data for data, _ in BAD.values()] + [frame(CLOSE, b"\x03\xe8")]
    left = [frame(TEXT, HELLO)[:9], frame(TEXT, HELLO, fin=False), frame(TEXT, HELLO), b""]
    for data in [*closed, *left]:
        async with RawClient(node) as client:
            await client.send(data)
            assert data in left or await client.is_cut()
    await until(lambda: node.hub.statistics().sessions == 0)
    # One reader is kept for whoever comes next.
    assert alive() - before <= Counter(FrameReader=1, ServerProtocol=1)


OPENING = b"GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
NOTHING = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
STREAM = b"GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n"

RESETS = {
    "a handshake that is refused": (OPENING, 1),
    "a handshake that is refused over HTTP": (b"POST" + OPENING[3:], 1),
    "a request": (NOTHING, 1),
    "streams that are refused": (STREAM * 3, 3),
    "requests of which most wait for their turn": (NOTHING * 500, 2),
}


@pytest.mark.parametrize(("asked", "heard"), RESETS.values(), ids=RESETS)
async def test_a_client_that_resets_its_connection_leaves_nothing(
    node: Node, before: Counter[str], asked: bytes, heard: int
) -> None:
    await reset(node, asked, heard)
    await until(lambda: alive() <= before, READ_S)


async def reset(node: Node, asked: bytes, heard: int) -> None:
    """Ask, hear so many answers, and go in the middle of it."""
    loop = asyncio.get_running_loop()
    with socket.socket() as caller:
        caller.setblocking(False)
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        caller.connect_ex(("127.0.0.1", node.port))
        async with asyncio.timeout(READ_S):
            await loop.sock_sendall(caller, asked)
            said = b""
            while said.count(b"HTTP/1.1 ") < heard:
                more = await loop.sock_recv(caller, 1_024)
                assert more, said
                said += more
