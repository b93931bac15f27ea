"""What presence promises (``inbox/presence/base.py``), over each implementation."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from inbox.ids import new_token
from inbox.presence.base import LiveSession, Presence
from inbox.presence.memory import MemoryPresence
from inbox.presence.redis import RedisPresence
from inbox.times import now_ms
from tests.inbox.presence.node import QUICK, Node, lists
from tests.servers.redis import RedisCluster, RedisServer
from tests.waiting import until

pytestmark = pytest.mark.anyio

ANNA, BEN = "acme/anna", "acme/ben"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(params=["memory", "redis", "cluster"])
async def node(request: pytest.FixtureRequest) -> AsyncIterator[Node]:
    """A started node that holds nothing yet."""
    async with AsyncExitStack() as stack:
        name = new_token()
        if request.param == "memory":
            presence: Presence = MemoryPresence(name)
        else:
            presence = RedisPresence(request.getfixturevalue(request.param).url, name, QUICK)
        made = Node(presence, name)
        await presence.start(made)
        stack.push_async_callback(presence.close)
        await until(lambda: not presence.statistics().degraded)
        yield made


async def test_a_user_without_sessions_has_none(node: Node) -> None:
    assert await node.presence.sessions(ANNA) == []


async def test_a_session_is_listed_with_its_node_and_its_beginning(node: Node) -> None:
    began = now_ms()
    session = node.open(ANNA)
    await lists(node.presence, ANNA, session)

    (found,) = await node.presence.sessions(ANNA)
    assert found == LiveSession(session, node.name, found.connected_at)
    assert began <= found.connected_at <= now_ms()


async def test_sessions_of_one_user_are_listed_the_oldest_first_and_another_users_are_not(node: Node) -> None:
    made = [node.open(ANNA) for _ in range(3)]
    other = node.open(BEN)

    await lists(node.presence, ANNA, *made)
    await lists(node.presence, BEN, other)


async def test_a_session_that_ended_is_not_listed(node: Node) -> None:
    first, second = node.open(ANNA), node.open(ANNA)
    await lists(node.presence, ANNA, first, second)
    node.close(ANNA, first)

    await lists(node.presence, ANNA, second)


async def test_a_session_that_ended_at_once_is_not_listed(node: Node) -> None:
    node.close(ANNA, node.open(ANNA))
    last = node.open(ANNA)

    await lists(node.presence, ANNA, last)


async def test_what_came_during_a_storm_is_listed(node: Node) -> None:
    made = [node.open(f"acme/user-{number}") for number in range(1_000)]

    for number in (0, 500, 999):
        await lists(node.presence, f"acme/user-{number}", made[number])
