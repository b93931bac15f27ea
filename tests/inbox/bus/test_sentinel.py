"""The Redis bus behind a sentinel: it follows the master."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from inbox.bus.redis import RedisBus
from tests.inbox.bus.ear import Ear
from tests.servers.redis import RedisServer, SentinelServer
from tests.waiting import until

pytestmark = pytest.mark.anyio

ANNA = "acme/anna"


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[RedisServer, RedisServer, SentinelServer]]:
    """A master, its replica, and a sentinel that knows both."""
    master = RedisServer(tmp_path)
    replica = RedisServer(tmp_path, "--replicaof", "127.0.0.1", str(master.port), "--repl-diskless-sync-delay", "0")
    sentinel = SentinelServer(tmp_path, master)
    with ExitStack() as stack:
        for server in (master, replica, sentinel):
            stack.callback(server.stop)
            server.start()
        yield master, replica, sentinel


def bus_at(url: str) -> RedisBus:
    return RedisBus(url, bytes(32), echo_every_s=0.05, deaf_after_s=3)


def knows_replica(sentinel: SentinelServer) -> bool:
    with sentinel.client() as client:
        return bool(client.sentinel_slaves("main"))


async def test_when_the_master_dies_the_bus_goes_on_with_the_one_the_sentinel_chose(
    started: tuple[RedisServer, RedisServer, SentinelServer],
) -> None:
    master, replica, sentinel = started
    ear = Ear()
    bus = bus_at(sentinel.url)
    await bus.start(ear)
    assert await bus.subscribe([ANNA], timeout_s=5)
    bus.publish(ANNA, 1, "g.0", b"{}")
    await until(lambda: ear.numbers(ANNA) == [1])

    await until(lambda: knows_replica(sentinel), timeout_s=20)
    master.kill()
    await until(lambda: ear.gaps == [ANNA], timeout_s=30)
    bus.publish(ANNA, 2, "g.0", b"{}")
    await until(lambda: ear.numbers(ANNA) == [1, 2])
    assert sentinel.master_port() == replica.port
    await bus.close()


async def test_a_dead_sentinel_is_passed_over(started: tuple[RedisServer, RedisServer, SentinelServer]) -> None:
    bus = bus_at(started[2].url.replace("://", "://127.0.0.1:1,"))
    await bus.start(None)
    await until(lambda: not bus.is_degraded())
    await bus.close()
