"""Requests that are there when their connection gets its turn, and the same ones a little later: one answer."""

import asyncio
import re
import socket

import pytest

from gateway.live.handover import LiveHttpProtocol
from tests.gateway.live.node import READ_S, Node, NodeFactory
from tests.gateway.live.raw import HELLO, TEXT, frame
from tests.waiting import until

pytestmark = pytest.mark.anyio

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
FIELDS = (b"Host: localhost", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", KEY)


def request(line: bytes = b"GET /v1/ws HTTP/1.1", *more: bytes, without: bytes = b"nothing") -> bytes:
    fields = [field for field in FIELDS if not field.startswith(without)]
    return b"\r\n".join([line, *fields, *more, b"", b""])


class Made:
    """How many of uvicorn's protocols there were."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        kept = LiveHttpProtocol.connection_made

        def connection_made(protocol: LiveHttpProtocol, transport: asyncio.Transport) -> None:
            self.count += 1
            kept(protocol, transport)

        monkeypatch.setattr(LiveHttpProtocol, "connection_made", connection_made)


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Made:
    return Made(monkeypatch)


def called(node: Node) -> socket.socket:
    caller = socket.socket()
    caller.setblocking(False)
    caller.connect_ex(("127.0.0.1", node.port))
    return caller


def asked(node: Node, data: bytes) -> socket.socket:
    """A connection that has sent ``data``. The loop has had no turn since, so nobody has accepted it."""
    caller = called(node)
    assert caller.send(data) == len(data)
    return caller


async def answer(caller: socket.socket) -> bytes:
    """What is answered: a head and no more if a WebSocket is opened, else all until the end."""
    said = b""
    async with asyncio.timeout(READ_S):
        while not (said.startswith(b"HTTP/1.1 101") and said.endswith(b"\r\n\r\n")):
            more = await asyncio.get_running_loop().sock_recv(caller, 4_096)
            if not more:
                break
            said += more
    caller.close()
    return re.sub(rb"\r\n[Dd]ate: [^\r]*", b"", said)


async def early(node: Node, data: bytes) -> bytes:
    return await answer(asked(node, data))


async def late(node: Node, data: bytes, http: Made) -> bytes:
    """The answer if the first byte comes alone."""
    before = http.count
    caller = asked(node, data[:1])
    await until(lambda: http.count > before)
    await asyncio.get_running_loop().sock_sendall(caller, data[1:])
    return await answer(caller)


OURS = {
    "an opening": (request(), 101),
    "one with a query": (request(b"GET /v1/ws?a=b HTTP/1.1"), 101),
    "one of an allowed page": (request(b"GET /v1/ws HTTP/1.1", b"Origin: https://app.example"), 101),
    "another path": (request(b"GET /v1/wss HTTP/1.1"), 404),
    "another page": (request(b"GET /v1/ws HTTP/1.1", b"Origin: https://evil.example"), 403),
    "another version": (
        request(b"GET /v1/ws HTTP/1.1", b"Sec-WebSocket-Version: 8", without=b"Sec-WebSocket-V"),
        400,
    ),
    "an older HTTP": (request(b"GET /v1/ws HTTP/1.0"), 505),
    "no key": (request(without=b"Sec-WebSocket-K"), 400),
    "two keys": (request(b"GET /v1/ws HTTP/1.1", KEY), 400),
}
HTTPS = {
    "no host": (request(without=b"Host"), 400),
    "two hosts": (request(b"GET /v1/ws HTTP/1.1", b"Host: other"), 400),
    "another method": (request(b"POST /v1/ws HTTP/1.1", b"Content-Length: 0"), None),
    "another place before the path": (request(b"GET http://localhost/v1/ws HTTP/1.1"), None),
    "no upgrade": (request(b"GET /v1/ws HTTP/1.1", b"Connection: close", without=b"Upgrade"), 404),
    "another request before it": (b"GET /v1/ws? HTTP/1.1\r\n\r\n" + request(b"GET /other HTTP/1.1"), 400),
    "another upgrade": (request(b"GET /v1/ws HTTP/1.1", b"Upgrade: h2c", without=b"Upgrade"), None),
    "no HTTP": (b"GET /v1/ws\x00\r\n\r\n", 400),
    "a head that is too large": (request(b"GET /v1/ws HTTP/1.1", b"X: " + b"x" * 20_000), 431),
}


@pytest.mark.parametrize(("data", "status"), OURS.values(), ids=OURS)
async def test_a_request_for_a_websocket_needs_no_http_and_is_answered_as_with_it(
    node: Node, http: Made, data: bytes, status: int
) -> None:
    said = await early(node, data)
    assert http.count == 0
    assert said == await late(node, data, http)
    assert said.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(("data", "status"), HTTPS.values(), ids=HTTPS)
async def test_any_other_request_is_left_to_http(node: Node, http: Made, data: bytes, status: int | None) -> None:
    caller = asked(node, data)
    await until(lambda: http.count == 1)
    if status is not None:
        assert (await answer(caller)).startswith(b"HTTP/1.1 %d " % status)
    caller.close()


async def test_an_opening_of_which_the_end_is_missing_waits_for_it(node: Node, http: Made) -> None:
    caller = asked(node, request()[:-2])
    await until(lambda: http.count == 1)
    caller.send(b"\r\n")
    assert (await answer(caller)).startswith(b"HTTP/1.1 101 ")


async def test_a_hello_right_behind_the_request_is_heard(node: Node) -> None:
    caller = asked(node, request() + frame(TEXT, HELLO))
    said = b""
    while b'"welcome"' not in said:
        async with asyncio.timeout(READ_S):
            said += await asyncio.get_running_loop().sock_recv(caller, 4_096)
    caller.close()


async def test_without_room_it_is_told_when_to_come_back_and_counted_once(start: NodeFactory, http: Made) -> None:
    node = await start(sessions_per_node=0)
    said = await early(node, request())
    assert said.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: " in said
    assert (http.count, node.hub.statistics().turned_away) == (0, 1)


async def test_no_more_are_let_in_than_there_is_room_for_however_many_come_at_once(start: NodeFactory) -> None:
    node = await start(sessions_per_address=5)
    callers = [asked(node, request()) for _ in range(60)]
    said = []
    for caller in callers:
        async with asyncio.timeout(READ_S):
            said.append((await asyncio.get_running_loop().sock_recv(caller, 4_096))[:12])
    assert (said.count(b"HTTP/1.1 101"), said.count(b"HTTP/1.1 503")) == (5, 55)
    assert node.hub.statistics().sessions == 5
    for caller in callers:
        caller.close()


async def test_who_has_hung_up_already_leaves_nothing(node: Node) -> None:
    caller = asked(node, request())
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    caller.close()
    async with node.client() as client:
        await client.hello("ann")
        await until(lambda: node.hub.statistics().sessions == 1)
