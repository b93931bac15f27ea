"""Connections without a session: who makes room when they run short, and who is not counted among them."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator

import pytest

from gateway.http.callers import Callers
from gateway.live.addresses import Addresses
from gateway.settings import Limits
from tests.gateway.live.event_source import EventSource
from tests.gateway.live.node import READ_S, Node, NodeFactory
from tests.gateway.live.raw import RawClient
from tests.waiting import until

pytestmark = pytest.mark.anyio

ASK = b"HEAD /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Line:
    """A connection that speaks HTTP, from an address of this machine."""

    def __init__(self, node: Node, source: str) -> None:
        self._port = node.port
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.bind((source, 0))

    async def open(self) -> None:
        await asyncio.get_running_loop().sock_connect(self.socket, ("127.0.0.1", self._port))

    async def ask(self) -> bytes:
        """The status of the answer; empty if the connection is closed instead."""
        try:
            await asyncio.get_running_loop().sock_sendall(self.socket, ASK)
            return (await self.hear())[9:12]
        except ConnectionError:
            return b""

    async def hear(self) -> bytes:
        async with asyncio.timeout(READ_S):
            return await asyncio.get_running_loop().sock_recv(self.socket, 4_096)


class Lines:
    """Opens them, and closes them at the end."""

    def __init__(self) -> None:
        self._opened: list[Line] = []

    async def open(self, node: Node, source: str = "127.0.0.1") -> Line:
        line = Line(node, source)
        self._opened.append(line)
        await line.open()
        return line

    async def used(self, node: Node, source: str = "127.0.0.1") -> Line:
        """One that had an answer."""
        line = await self.open(node, source)
        assert await line.ask() == b"404"
        return line

    def close(self) -> None:
        for line in self._opened:
            line.socket.close()


@pytest.fixture
async def lines() -> AsyncIterator[Lines]:
    opened = Lines()
    yield opened
    opened.close()


def callers(node: Node) -> Callers:
    return node.server._app.callers


async def test_where_they_run_short_the_one_idle_for_longest_makes_room(start: NodeFactory, lines: Lines) -> None:
    node = await start(callers=3)
    first, second, third = [await lines.used(node) for _ in range(3)]
    assert await first.ask() == b"404"
    await lines.used(node)
    assert await second.hear() == b""
    assert [await line.ask() for line in (first, third)] == [b"404", b"404"]
    assert callers(node).statistics().hung_up == 1


async def test_who_never_ends_a_request_makes_room_too(start: NodeFactory, lines: Lines) -> None:
    node = await start(callers=3)
    for _ in range(3):
        line = await lines.open(node)
        line.socket.send(ASK[:-2])
    await until(lambda: callers(node).statistics().open == 3)
    await lines.used(node)
    assert callers(node).statistics().hung_up == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only there all of 127.0.0.0/8 is this machine")
async def test_an_address_that_holds_many_makes_nobody_else_lose_one(start: NodeFactory, lines: Lines) -> None:
    node = await start(callers=10, sessions_per_address=3)
    pool = [await lines.used(node, "127.0.0.2") for _ in range(3)]
    hoarded = [await lines.open(node, "127.0.0.3") for _ in range(30)]
    await until(lambda: callers(node).statistics().turned_away == 27)
    assert (await hoarded[-1].hear()).startswith(b"HTTP/1.1 503 ")
    assert [await line.ask() for line in pool] == [b"404"] * 3
    assert callers(node).statistics().hung_up == 0


async def test_the_place_of_one_that_is_gone_is_free_again(start: NodeFactory, lines: Lines) -> None:
    node = await start(sessions_per_address=1)
    (await lines.used(node)).socket.close()
    await until(lambda: callers(node).statistics().open == 0)
    await lines.used(node)
    assert callers(node).statistics().turned_away == 0


async def test_sessions_are_not_counted_among_them(start: NodeFactory, lines: Lines) -> None:
    node = await start(callers=1)
    async with EventSource(node) as stream:
        await stream.welcome()
        async with RawClient(node):
            await lines.used(node)
            assert callers(node).statistics().open == 1
            lines.close()
            await until(lambda: callers(node).statistics().open == 0)
    assert callers(node).statistics().hung_up == 0
    assert callers(node)._by_address == {}
    assert callers(node)._idle == {}


async def test_a_websocket_whose_request_comes_late_gives_its_place_back(start: NodeFactory, lines: Lines) -> None:
    node = await start()
    late = await lines.open(node)
    late.socket.send(b"G")
    await until(lambda: callers(node).statistics().open == 1)
    late.socket.send(b"ET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    late.socket.send(b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert (await late.hear()).startswith(b"HTTP/1.1 101 ")
    assert callers(node).statistics().open == 0


async def test_sessions_take_their_room_from_those_who_are_idle(start: NodeFactory, lines: Lines) -> None:
    node = await start(connections=4)
    idle = [await lines.used(node) for _ in range(4)]
    async with RawClient(node), RawClient(node):
        assert [await line.hear() for line in idle[:2]] == [b"", b""]
        assert [await line.ask() for line in idle[2:]] == [b"404", b"404"]


class Busy:
    """A connection that no test looks at."""

    def hang_up(self) -> None:
        raise AssertionError("it has a request in hand")


async def test_those_with_a_request_in_hand_stay_and_the_next_is_turned_away() -> None:
    held = Callers(Limits(callers=2), Addresses(None), lambda: 0)
    for caller in (Busy(), Busy()):
        assert held.enter(caller, ("192.0.2.1", 1))
        held.begin(caller)
    assert not held.enter(Busy(), ("192.0.2.2", 1))
    assert held.statistics().turned_away == 1


async def test_a_proxy_of_ours_is_no_address() -> None:
    held = Callers(Limits(sessions_per_address=1), Addresses("10.0.0.0/8"), lambda: 0)
    assert [held.enter(Busy(), ("10.0.0.7", 1)) for _ in range(3)] == [True] * 3
    assert [held.enter(Busy(), ("192.0.2.1", 1)) for _ in range(3)] == [True, False, False]
