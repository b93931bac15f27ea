"""Letting all sessions go: evenly, with time to come back, and with an end."""

import asyncio
import time

import pytest

from gateway.live.codes import CloseCode
from gateway.live.drain import drain
from tests.gateway.live.node import READ_S, NodeFactory
from tests.gateway.live.raw import HELLO, TEXT, RawClient, frame
from tests.waiting import until

pytestmark = pytest.mark.anyio

WEBSOCKET = (
    b"GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
STREAM = b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ann\r\nConnection: close\r\n\r\n"


class Leaving:
    """A connection that goes when it is dismissed, unless it is stubborn."""

    def __init__(self, there: set["Leaving"], stubborn: bool = False) -> None:
        self._there = there
        self._stubborn = stubborn
        self.left_at = 0.0
        self.aborted = False
        there.add(self)

    def dismiss(self, code: CloseCode, reason: str = "") -> None:
        assert code is CloseCode.DRAIN
        self.left_at = time.monotonic()
        if not self._stubborn:
            self._there.discard(self)

    def abort(self, code: CloseCode) -> None:
        self.aborted = True
        self._there.discard(self)


async def test_they_go_evenly_over_the_time_given() -> None:
    there: set[Leaving] = set()
    leaving = [Leaving(there) for _ in range(100)]
    await drain(lambda: there, 0.5, 1.0)
    times = sorted(each.left_at for each in leaving)
    assert not there
    assert times[24] < times[49] < times[74] < times[99]
    assert times[89] - times[9] > 0.3


async def test_who_stays_is_cut_off() -> None:
    there: set[Leaving] = set()
    polite, stubborn = Leaving(there), Leaving(there, stubborn=True)
    await drain(lambda: there, 0.0, 0.2)
    assert (polite.aborted, stubborn.aborted) == (False, True)


async def test_nobody_there_takes_no_time() -> None:
    began = time.monotonic()
    await drain(lambda: (), 10.0, 10.0)
    assert time.monotonic() - began < 5.0


async def test_a_node_with_many_says_come_back_over_a_longer_time(start: NodeFactory) -> None:
    node = await start(welcomes_per_s=0.5, return_spread_s=1.0, drain_s=0.2)
    async with node.client() as ann, node.client() as bob:
        await ann.hello("ann")
        await bob.hello("bob")
        node.server.should_exit = True
        byes = [await ann.hear(), await bob.hear()]
        assert [bye["code"] for bye in byes] == [4001, 4001]
        assert max(bye["spread"] for bye in byes) == 4_000
        assert [await ann.closed(), await bob.closed()] == [4001, 4001]


async def test_who_has_not_said_hello_is_let_go_too(start: NodeFactory) -> None:
    node = await start()
    async with node.client() as silent:
        node.server.should_exit = True
        assert (await silent.hear())["code"] == 4001
        assert await silent.closed() == 4001


@pytest.mark.parametrize("request_", [WEBSOCKET, STREAM], ids=["websocket", "stream"])
async def test_who_asks_while_it_drains_is_told_to_come_back(start: NodeFactory, request_: bytes) -> None:
    """On a connection that was there before: the port takes no new ones."""
    node = await start(close_grace_s=60.0)
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
    writer.write(request_[:1])
    async with RawClient(node) as lingering:
        await until(lambda: len(node.server.server_state.connections) == 1)
        node.server.should_exit = True
        await lingering.receive()
        writer.write(request_[1:])
        async with asyncio.timeout(READ_S):
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: " in answer
        assert b"the server is going away" in answer
        assert node.hub.statistics().turned_away == 1
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_never_reads_does_not_hold_the_end_up(start: NodeFactory) -> None:
    node = await start(close_grace_s=0.3, stuck_s=60.0, drain_s=0.1)
    async with RawClient(node) as stuck:
        await stuck.send(frame(TEXT, HELLO))
        await stuck.receive()
        await node.publish("ann", 200, body="x" * 4_000)
        node.server.should_exit = True
        await until(lambda: node.hub.statistics().sessions == 0, timeout_s=5)
