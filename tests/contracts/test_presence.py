"""What presence promises (``inbox/presence/base.py``), over each implementation."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from inbox.ids import new_id, new_token
from inbox.presence.announcer import Pace
from inbox.presence.base import LiveSession, Presence
from inbox.presence.memory import MemoryPresence
from inbox.presence.redis import RedisPresence
from inbox.times import now_ms
from tests.servers.redis import RedisCluster, RedisServer
from tests.waiting import until

pytestmark = pytest.mark.anyio

ANNA, BEN = "acme/anna", "acme/ben"
QUICK = Pace(lease_s=1.0, beat_s=0.2, collect_s=0.01, keep_s=60.0, timeout_s=1.0, changes=10_000)


class Node:
    """A node with sessions, and how it tells of them."""

    def __init__(self, presence: Presence, name: str) -> None:
        self.presence = presence
        self.name = name
        self._held: defaultdict[str, list[str]] = defaultdict(list)

    def streams(self) -> list[str]:
        return list(self._held)

    def sessions(self, stream: str) -> list[str]:
        return self._held[stream]

    def open(self, stream: str) -> str:
        session = new_id()
        self._held[stream].append(session)
        self.presence.joined(stream, session)
        return session

    def close(self, stream: str, session: str) -> None:
        self._held[stream].remove(session)
        self.presence.left(stream, session)


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


async def ids(presence: Presence, stream: str = ANNA) -> list[str]:
    return [each.id for each in await presence.sessions(stream)]


async def lists(presence: Presence, *wanted: str, stream: str = ANNA) -> None:
    """Wait until the list is this."""

    async def is_so() -> bool:
        return await ids(presence, stream) == sorted(wanted)

    await until(is_so)


async def test_a_user_without_sessions_has_none(node: Node) -> None:
    assert await node.presence.sessions(ANNA) == []


async def test_a_session_is_listed_with_its_node_and_its_beginning(node: Node) -> None:
    began = now_ms()
    session = node.open(ANNA)
    await lists(node.presence, session)

    (found,) = await node.presence.sessions(ANNA)
    assert found == LiveSession(session, node.name, found.connected_at)
    assert began <= found.connected_at <= now_ms()


async def test_sessions_of_one_user_are_listed_the_oldest_first_and_another_users_are_not(node: Node) -> None:
    made = [node.open(ANNA) for _ in range(3)]
    other = node.open(BEN)

    await lists(node.presence, *made)
    await lists(node.presence, other, stream=BEN)


async def test_a_session_that_ended_is_not_listed(node: Node) -> None:
    first, second = node.open(ANNA), node.open(ANNA)
    await lists(node.presence, first, second)
    node.close(ANNA, first)

    await lists(node.presence, second)


async def test_a_session_that_ended_at_once_is_not_listed(node: Node) -> None:
    node.close(ANNA, node.open(ANNA))
    last = node.open(ANNA)

    await lists(node.presence, last)


async def test_what_came_during_a_storm_is_listed(node: Node) -> None:
    made = [node.open(f"acme/user-{number}") for number in range(1_000)]

    for number in (0, 500, 999):
        await lists(node.presence, made[number], stream=f"acme/user-{number}")
