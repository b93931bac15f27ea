"""Presence when something goes wrong with Redis, or with a node: a list that is right again soon, never an error."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.settings import LIMITS
from inbox.errors import ConfigError, Unavailable
from inbox.ids import new_token
from inbox.presence.redis import RedisPresence
from tests.inbox.presence.node import QUICK, Node, ids, lists
from tests.servers.redis import RedisServer, SentinelServer
from tests.waiting import until

pytestmark = pytest.mark.anyio

ANNA = "acme/anna"

Start = Callable[..., Any]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def start(server: RedisServer) -> AsyncIterator[Start]:
    """Starts nodes that announce at a quick pace, with changes to it."""
    async with AsyncExitStack() as stack:

        async def start(url: str = server.url, **pace: Any) -> Node:
            name = new_token()
            presence = RedisPresence(url, name, replace(QUICK, **pace))
            node = Node(presence, name)
            stack.push_async_callback(presence.close)
            await presence.start(node)
            return node

        yield start


@pytest.fixture
async def reader(server: RedisServer) -> AsyncIterator[RedisPresence]:
    """A process that holds no sessions."""
    presence = RedisPresence(server.url, "reader", QUICK)
    await presence.start(None)
    yield presence
    await presence.close()


def die(node: Node) -> None:
    """As by SIGKILL: nothing is sent any more, and nothing was withdrawn."""
    task = node.presence._announcer._task  # type: ignore[attr-defined]
    task.cancel()


def test_the_sessions_of_a_dead_node_vanish_within_30_s() -> None:
    assert LIMITS.presence_lease_s <= 30
    assert LIMITS.presence_beat_s + LIMITS.presence_timeout_s < LIMITS.presence_lease_s


async def test_sessions_on_several_nodes_are_one_list(start: Start, reader: RedisPresence) -> None:
    left, right = await start(), await start()
    made = {left.open(ANNA): left.name, right.open(ANNA): right.name}
    await lists(reader, ANNA, *made)

    assert {each.id: each.node for each in await reader.sessions(ANNA)} == made


async def test_the_sessions_of_a_node_that_dies_vanish_and_the_others_stay(
    start: Start, reader: RedisPresence, server: RedisServer
) -> None:
    dying, other = await start(), await start()
    gone, stays = dying.open(ANNA), other.open(ANNA)
    await lists(reader, ANNA, gone, stays)
    die(dying)

    await lists(reader, ANNA, stays, timeout_s=QUICK.lease_s + 1)
    with server.client() as client:
        assert len(client.keys("bw:p:*")) == 1, "nothing is left of it"


async def test_the_sessions_of_a_node_that_ends_vanish_at_once(start: Start, reader: RedisPresence) -> None:
    node = await start(lease_s=600.0)
    await lists(reader, ANNA, node.open(ANNA))
    await node.presence.close()

    assert await ids(reader, ANNA) == []


async def test_after_redis_was_wiped_the_list_is_complete_within_a_beat(
    start: Start, reader: RedisPresence, server: RedisServer
) -> None:
    node = await start()
    made = {f"acme/user-{number}": node.open(f"acme/user-{number}") for number in range(600)}
    await lists(reader, "acme/user-599", made["acme/user-599"])
    await asyncio.to_thread(server.wipe)
    for stream, session in made.items():
        await lists(reader, stream, session, timeout_s=QUICK.beat_s + 2)

    assert node.presence.statistics().leases == 2


async def test_while_redis_is_frozen_nobody_waits_for_it_and_then_the_list_is_right(
    start: Start, reader: RedisPresence, server: RedisServer
) -> None:
    node = await start()
    stays, ends = node.open(ANNA), node.open(ANNA)
    await lists(reader, ANNA, stays, ends)
    await asyncio.to_thread(server.freeze)
    node.close(ANNA, ends)
    comes = node.open(ANNA)
    await until(lambda: node.presence.statistics().degraded)
    with pytest.raises(Unavailable):
        await reader.sessions(ANNA)
    await asyncio.to_thread(server.thaw)

    await lists(reader, ANNA, stays, comes)
    await until(lambda: not node.presence.statistics().degraded)


async def test_a_redis_that_comes_up_late_or_comes_back_empty_is_told_everything(
    start: Start, reader: RedisPresence, server: RedisServer
) -> None:
    await asyncio.to_thread(server.stop)
    node = await start()
    session = node.open(ANNA)
    await until(lambda: node.presence.statistics().failed > 0)
    for _ in range(2):
        await asyncio.to_thread(server.start)
        await lists(reader, ANNA, session)
        await asyncio.to_thread(server.kill)


async def test_more_changes_than_may_wait_are_let_go_and_everything_is_announced_anew(
    start: Start, reader: RedisPresence
) -> None:
    node = await start(changes=10)
    first = node.open(ANNA)
    await lists(reader, ANNA, first)
    made = {f"acme/user-{number}": node.open(f"acme/user-{number}") for number in range(25)}
    node.close(ANNA, first)

    await lists(reader, ANNA)
    for stream, session in made.items():
        await lists(reader, stream, session)
    counted = node.presence.statistics()
    assert (counted.dropped >= 10, counted.leases) == (True, 2)


async def test_many_who_ask_at_once_get_their_list_and_do_not_stop_the_announcing(start: Start) -> None:
    node = await start(timeout_s=2.0)
    session = node.open(ANNA)
    await lists(node.presence, ANNA, session)

    assert await asyncio.gather(*(ids(node.presence, ANNA) for _ in range(500))) == [[session]] * 500
    assert node.presence.statistics().leases == 1


async def test_nothing_of_dead_nodes_stays_in_redis(start: Start, reader: RedisPresence, server: RedisServer) -> None:
    node = await start(lease_s=0.2, beat_s=0.05)
    await lists(reader, ANNA, node.open(ANNA))
    die(node)

    with server.client() as client:
        await until(lambda: client.dbsize() == 0)


async def test_a_node_whose_lease_ran_out_unnoticed_leaves_nothing_behind(
    start: Start, reader: RedisPresence, server: RedisServer
) -> None:
    node = await start(lease_s=600.0, beat_s=60.0)
    first = node.open(ANNA)
    await lists(reader, ANNA, first)
    await asyncio.to_thread(server.wipe)
    second = node.open(ANNA)

    await lists(reader, ANNA, first, second)
    with server.client() as client:
        assert [client.pttl(key) > 0 for key in client.keys("bw:p*")] == [True, True]


async def test_what_is_not_ours_in_the_list_is_left_alone(
    start: Start, reader: RedisPresence, server: RedisServer
) -> None:
    node = await start()
    session = node.open(ANNA)
    with server.client() as client:
        client.zadd("bw:p", {"": 1, "x": 2, b"\xff.1": 3})
        client.hset("bw:p:x", ANNA, b"\xff\x00 nothing of ours")

    await lists(reader, ANNA, session)


async def test_a_key_of_another_kind_is_no_list(reader: RedisPresence, server: RedisServer) -> None:
    with server.client() as client:
        client.set("bw:p", "something else")
    with pytest.raises(Unavailable):
        await reader.sessions(ANNA)


async def test_behind_sentinel_the_master_is_told(tmp_path: Path, server: RedisServer, start: Start) -> None:
    sentinel = SentinelServer(tmp_path, server)
    sentinel.start()
    try:
        node = await start(url=sentinel.url)
        await lists(node.presence, ANNA, node.open(ANNA))
        await node.presence.close()
    finally:
        sentinel.stop()


@pytest.mark.parametrize("url", ["redis://:hunter2@host:port", "redis+cluster://:hunter2@", "http://:hunter2@host"])
def test_an_address_that_does_not_fit_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        RedisPresence(url, "node", QUICK)
    assert "hunter2" not in str(refused.value)
