"""Arriving at a node that has no room: over real sockets, before the handshake or at hello."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gateway.live import streams
from inbox.model import Changes, Cursor, Page
from tests.gateway.live.node import Node, NodeFactory
from tests.gateway.live.raw import HELLO, TEXT, RawClient, frame
from tests.samples import stream_of
from tests.waiting import until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def asking(node: Node, line: bytes) -> AsyncIterator[RawClient]:
    client = RawClient(node)
    await client.ask(line)
    yield client
    client.hang_up()


async def refused(node: Node, **headers: str) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refusal:
        await connect(node.url, additional_headers=headers)
    answer = refusal.value.response
    problem = json.loads(answer.body)
    assert (problem["code"], problem["temporary"]) == ("unavailable", True)
    return int(answer.headers["retry-after"]), problem["detail"]


async def test_one_too_many_from_an_address_is_turned_away(start: NodeFactory) -> None:
    node = await start(sessions_per_address=1)
    async with node.client() as first:
        await first.hello("ann")
        assert "address" in (await refused(node))[1]
        assert node.hub.statistics().turned_away == 1
    await until(lambda: node.hub.statistics().sessions == 0)
    async with node.client() as again:
        await again.hello("ann")


async def test_a_header_that_anybody_may_write_makes_no_other_address(start: NodeFactory) -> None:
    node = await start(sessions_per_address=1)
    async with node.client():
        await refused(node, **{"X-Forwarded-For": "198.51.100.9"})


async def test_who_comes_while_too_many_wait_is_told_when_to_come_back(start: NodeFactory) -> None:
    node = await start(welcomes_per_s=1, welcome_wait_s=2.0, return_after_s=1.0)
    for _ in range(2):
        node.hub.arrivals.begin()
    waits = [(await refused(node))[0] for _ in range(3)]
    assert waits == [2, 3, 4]
    node.hub.arrivals.end()
    async with node.client() as client:
        assert (await client.hello("ann"))["t"] == "welcome"


async def test_a_hello_among_too_many_is_sent_away_with_a_slot(start: NodeFactory) -> None:
    node = await start(welcomes_per_s=2, welcome_wait_s=0.5, return_after_s=1.0)
    async with node.client() as client:
        node.hub.arrivals.begin()
        bye = await client.hello("ann")
        assert (bye["t"], bye["code"]) == ("bye", 4008)
        assert bye["after"] >= 1_400
        assert await client.closed() == 4008
    node.hub.arrivals.end()
    assert not node.hub.arrivals.is_crowded(), "who was sent away waits no more"


async def test_who_leaves_before_the_welcome_waits_no_more(start: NodeFactory) -> None:
    node = await start(welcomes_per_s=1, welcome_wait_s=1.0)
    for number in range(20):
        async with RawClient(node) as client:
            await client.send(frame(TEXT, HELLO))
            if number % 2:
                await client.receive()
        await until(lambda: node.hub.statistics().sessions == 0)
    assert not node.hub.arrivals.is_crowded()


async def test_another_path_is_no_way_in(node: Node) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await connect(node.url.replace("/v1/ws", "/v1/wsx"))
    assert refusal.value.response.status_code == 404


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"POST /v1/ws HTTP/1.1", b"405"),
        (b"GET /v1/ws HTTP/1.0", b"505"),
        (b"GET /v1/ws HTTP/1.1\r\nUpgrade: h2c", b"426"),
        (b"GET /v1/ws HTTP/1.1\r\nSec-WebSocket-Version: 8", b"400"),
        (b"GET /v1/ws HTTP/1.1\r\nSec-WebSocket-Key: c2hvcnQ=", b"400"),
    ],
)
async def test_a_handshake_that_is_none_is_refused(node: Node, line: bytes, status: bytes) -> None:
    async with asking(node, line) as client:
        assert await client.status() == status
        assert await client.is_cut()
    assert node.hub.statistics().sessions == 0


async def test_a_request_that_is_still_in_hand_keeps_its_connection(node: Node) -> None:
    """The answer to it must not end up in a WebSocket."""
    async with asking(node, b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/ws HTTP/1.1") as client:
        assert await client.status() == b"404"
        assert await client.is_cut()
    assert node.hub.statistics().sessions == 0


@pytest.mark.parametrize(("turns", "most"), [(0, 3), (1, 20)], ids=["in one turn", "in one after the other"])
async def test_hellos_that_come_together_share_one_query_and_one_command(
    node: Node, monkeypatch: pytest.MonkeyPatch, turns: int, most: int
) -> None:
    users = [f"user-{number}" for number in range(40)]
    for user in users:
        await node.publish(user, 2)
    epoch = (await node.store.heads([stream_of("user-1")]))[0].epoch
    read: list[int] = []
    subscribed: list[int] = []
    catch_up, subscribe = node.store.catch_up, node.bus.subscribe

    async def counted_read(wanted: Sequence[tuple[str, Cursor]], limit: int) -> list[Changes | None]:
        read.append(len(wanted))
        return await catch_up(wanted, limit)

    async def counted_subscribe(streams: Collection[str], timeout_s: float) -> bool:
        subscribed.append(len(streams))
        return await subscribe(streams, timeout_s)

    monkeypatch.setattr(node.store, "catch_up", counted_read)
    monkeypatch.setattr(node.bus, "subscribe", counted_subscribe)
    # However long a hello takes here, many of them come within it.
    monkeypatch.setattr(streams, "_GATHER_S", 0.25)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(RawClient(node)) for _ in users]
        for user, client in zip(users, clients, strict=True):
            hello = {"t": "hello", "token": user, "cursor": {"epoch": epoch, "seq": 1}}
            await client.send(frame(TEXT, json.dumps(hello).encode()))
            for _ in range(turns):
                await asyncio.sleep(0)
        for client in clients:
            welcome = json.loads((await client.receive())[1])
            assert [entry["seq"] for entry in welcome["entries"]] == [2]
    assert sum(read) == sum(subscribed) == len(users)
    assert max(len(read), len(subscribed)) <= most


async def test_a_page_that_takes_long_keeps_nobody_else_waiting(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    await node.publish("bob")
    head = (await node.store.heads([stream_of("bob")]))[0]
    page, may_go_on = node.store.page, asyncio.Event()

    async def slow_page(*asked: Any, **options: Any) -> Page:
        await may_go_on.wait()
        return await page(*asked, **options)

    monkeypatch.setattr(node.store, "page", slow_page)
    async with RawClient(node) as ann, node.client() as bob:
        await ann.send(frame(TEXT, HELLO))
        await until(lambda: node.hub.statistics().streams == 1)
        assert (await bob.hello("bob", (head.epoch, 0)))["resumed"]
        may_go_on.set()
        assert json.loads((await ann.receive())[1])["t"] == "welcome"
