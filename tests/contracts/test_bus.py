"""What every bus does (``inbox/bus/base.py``), over each implementation."""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from inbox.bus.base import Bus
from inbox.bus.memory import MemoryBus
from inbox.bus.redis import redis_bus
from inbox.ids import channel_key
from tests.inbox.bus.ear import Ear
from tests.servers.redis import RedisCluster, RedisServer
from tests.waiting import until

pytestmark = pytest.mark.anyio

ANNA, BEN = "acme/anna", "acme/ben"
KEY = bytes(range(32))


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    directory: Path = tmp_path_factory.mktemp("redis")
    server = RedisServer(directory)
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


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture(params=["memory", "redis", "cluster"])
async def bus(request: pytest.FixtureRequest, ear: Ear) -> AsyncIterator[Bus]:
    """A started bus that is not degraded; it hears what it publishes itself."""
    made: Bus = MemoryBus() if request.param == "memory" else redis_bus(request.getfixturevalue(request.param).url, KEY)
    await made.start(ear)
    await until(lambda: not made.is_degraded())
    yield made
    await made.close()


async def test_a_frame_arrives_with_its_stream_number_epoch_and_bytes(bus: Bus, ear: Ear) -> None:
    assert await bus.subscribe([ANNA], timeout_s=5)
    frame = bytes(range(256))
    bus.publish(ANNA, 2**53, "g.0", frame)
    await until(lambda: bool(ear.heard))
    assert ear.heard == [(ANNA, 2**53, "g.0", frame)]


async def test_the_frames_of_a_stream_arrive_in_the_order_they_were_published(bus: Bus, ear: Ear) -> None:
    assert await bus.subscribe([ANNA, BEN], timeout_s=5)
    for seq in range(1, 2_001):
        bus.publish(ANNA, seq, "g.0", b"a")
        bus.publish(BEN, seq, "g.0", b"b")
    await until(lambda: len(ear.heard) == 4_000)
    assert ear.numbers(ANNA) == ear.numbers(BEN) == list(range(1, 2_001))


async def test_only_subscribed_streams_are_delivered(bus: Bus, ear: Ear) -> None:
    assert await bus.subscribe([BEN], timeout_s=5)
    bus.publish(ANNA, 1, "g.0", b"{}")
    bus.publish(BEN, 1, "g.0", b"{}")
    await until(lambda: bool(ear.numbers(BEN)))
    assert ear.numbers(ANNA) == []


async def test_a_subscribed_stream_is_wanted(bus: Bus) -> None:
    await bus.subscribe([ANNA], timeout_s=5)
    assert bus.wants(ANNA)


async def test_an_unsubscribed_stream_is_delivered_no_more(bus: Bus, ear: Ear) -> None:
    assert await bus.subscribe([ANNA, BEN], timeout_s=5)
    bus.unsubscribe([ANNA])
    bus.publish(ANNA, 1, "g.0", b"{}")
    bus.publish(BEN, 1, "g.0", b"{}")
    await until(lambda: bool(ear.numbers(BEN)))
    assert ear.numbers(ANNA) == []


async def test_a_stream_left_by_its_listener_is_not_delivered_from_the_next_frame_on(bus: Bus, ear: Ear) -> None:
    assert await bus.subscribe([ANNA, BEN], timeout_s=5)
    ear.on_frame = lambda stream: bus.unsubscribe([stream])
    for seq in range(1, 101):
        bus.publish(ANNA, seq, "g.0", b"{}")
    bus.publish(BEN, 1, "g.0", b"{}")
    await until(lambda: bool(ear.numbers(BEN)))
    assert ear.numbers(ANNA) == [1]


async def test_a_stream_can_be_left_and_taken_again_at_any_pace(bus: Bus, ear: Ear) -> None:
    for _ in range(20):
        bus.unsubscribe([ANNA])
        assert await bus.subscribe([ANNA], timeout_s=5)
        bus.unsubscribe([ANNA])
        await bus.subscribe([ANNA], timeout_s=0)
    assert await bus.subscribe([ANNA], timeout_s=5)
    bus.publish(ANNA, 1, "g.0", b"{}")
    await until(lambda: bool(ear.heard))
    assert bus.statistics().subscriptions == 1


async def test_resubscribing_keeps_the_stream_coming(bus: Bus, ear: Ear) -> None:
    assert await bus.subscribe([ANNA], timeout_s=5)
    bus.resubscribe([ANNA])
    assert await bus.subscribe([ANNA], timeout_s=5)
    bus.publish(ANNA, 1, "g.0", b"{}")
    await until(lambda: bool(ear.heard))


async def test_resubscribing_a_stream_nobody_holds_does_not_take_it(bus: Bus) -> None:
    bus.resubscribe([ANNA])
    assert bus.statistics().subscriptions == 0


async def test_publish_does_not_call_the_listener_itself(bus: Bus, ear: Ear) -> None:
    assert await bus.subscribe([ANNA], timeout_s=5)
    bus.publish(ANNA, 1, "g.0", b"{}")
    assert ear.heard == []


async def test_subscribing_tells_of_no_gap_by_itself(bus: Bus, ear: Ear) -> None:
    assert await bus.subscribe([ANNA, BEN], timeout_s=5)
    assert await bus.subscribe([ANNA], timeout_s=5)
    assert ear.gaps == []


async def test_the_statistics_count_what_happened(bus: Bus, ear: Ear) -> None:
    assert await bus.subscribe([ANNA, BEN], timeout_s=5)
    bus.publish(ANNA, 1, "g.0", b"{}")
    bus.publish("acme/nobody", 1, "g.0", b"{}")
    await until(lambda: bus.statistics().received == 1 and bus.statistics().published == 2)
    counted = bus.statistics()
    assert (counted.dropped, counted.forged, counted.gaps, counted.reconnects) == (0, 0, 0, 0)
    assert (counted.subscriptions, counted.degraded) == (2, False)


async def test_after_close_nothing_is_delivered_and_publishing_is_harmless(bus: Bus, ear: Ear) -> None:
    assert await bus.subscribe([ANNA], timeout_s=5)
    bus.publish(ANNA, 1, "g.0", b"{}")
    await until(lambda: bool(ear.heard))
    bus.publish(ANNA, 2, "g.0", b"{}")
    await bus.close()
    bus.publish(ANNA, 3, "g.0", b"{}")
    assert 3 not in ear.numbers(ANNA)


AWAY = [partial(redis_bus, f"{scheme}://127.0.0.1:1", KEY) for scheme in ("redis", "redis+cluster")]


@pytest.mark.parametrize("make", [MemoryBus, *AWAY], ids=["memory", "redis", "cluster"])
async def test_a_process_that_only_publishes_needs_no_listener(make: Callable[[], Bus]) -> None:
    bus = make()
    await bus.start(None)
    bus.publish(ANNA, 1, "g.0", b"{}")
    await bus.close()


async def test_a_channel_carries_its_signals_in_order_beside_the_streams(bus: Bus, ear: Ear) -> None:
    news = channel_key("acme", "news")
    assert await bus.subscribe([news, ANNA], timeout_s=5)
    for seq in range(1, 501):
        bus.publish(news, 0, "", b"%d" % seq)
        bus.publish(ANNA, seq, "g.0", b"a")
    await until(lambda: len(ear.heard) == 1_000)
    signals = [(seq, epoch, frame) for stream, seq, epoch, frame in ear.heard if stream == news]
    assert signals == [(0, "", b"%d" % seq) for seq in range(1, 501)]
    assert ear.numbers(ANNA) == list(range(1, 501))
