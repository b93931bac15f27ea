"""The Redis bus and a real redis-server that is cut, frozen, killed, wiped or late."""

import asyncio
import contextlib
import time

import anyio
import anyio.lowlevel
import pytest
from redis.asyncio.connection import AbstractConnection, Connection

from inbox.bus.redis import RedisBus
from inbox.ids import channel_key
from tests.inbox.bus.ear import ANNA, BEN, KEY, Ear, Make, hears, start
from tests.servers.redis import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.anyio


def subscribers(server: RedisServer, stream: str) -> int:
    with server.client() as client:
        ((_, count),) = client.pubsub_numsub(f"bw:{stream}")
        return int(count)


async def test_a_cut_subscription_is_a_gap_of_every_stream_and_delivery_goes_on(
    make: Make, server: RedisServer, ear: Ear
) -> None:
    bus = await start(make(), ear, ANNA, BEN)
    assert server.cut_pubsub() == 1
    await until(lambda: sorted(ear.gaps) == [ANNA, BEN])
    await hears(bus, ear, ANNA)
    counted = bus.statistics()
    assert (counted.gaps, counted.reconnects, counted.degraded) == (2, 1, False)


async def test_a_stream_left_while_redis_was_away_is_neither_a_gap_nor_subscribed(
    make: Make, server: RedisServer, ear: Ear
) -> None:
    bus = await start(make(), ear, ANNA, BEN)
    server.kill()
    await until(bus.is_degraded)
    bus.unsubscribe([ANNA])
    server.start()
    await until(lambda: ear.gaps == [BEN])
    assert subscribers(server, ANNA) == 0


async def test_with_production_timing_a_frozen_redis_is_noticed_within_6_s_and_its_return_within_3(
    server: RedisServer, ear: Ear
) -> None:
    bus = RedisBus(server.url, KEY)
    await start(bus, ear, ANNA, BEN)
    server.freeze()
    await until(bus.is_degraded, timeout_s=6)
    server.thaw()
    await until(lambda: not bus.is_degraded() and sorted(ear.gaps) == [ANNA, BEN], timeout_s=3)
    await hears(bus, ear, ANNA)
    await bus.close()


async def test_a_signal_that_waited_too_long_for_redis_is_dropped_and_an_entry_is_published(
    server: RedisServer, ear: Ear
) -> None:
    bus = RedisBus(server.url, KEY, echo_every_s=0.05, deaf_after_s=0.5, backoff_max_s=0.1, signal_keep_s=0.3)
    await start(bus, ear, ANNA)
    server.kill()
    await until(bus.is_degraded)
    bus.publish(channel_key("acme", "typing"), 0, "", b"{}")
    bus.publish(ANNA, 1, "g.0", b"{}")
    late_at = time.monotonic() + 0.5
    await until(lambda: time.monotonic() > late_at)
    server.start()
    await until(lambda: bus.statistics().published + bus.statistics().dropped == 2)
    await bus.close()
    assert (bus.statistics().published, bus.statistics().dropped) == (1, 1)


async def test_a_freeze_shorter_than_the_limit_costs_nothing(make: Make, server: RedisServer, ear: Ear) -> None:
    bus = await start(make(), ear, ANNA)
    server.freeze()
    for seq in range(1, 100):
        bus.publish(ANNA, seq, "g.0", b"{}")
    assert not await bus.subscribe([BEN], timeout_s=0.3)
    server.thaw()
    await until(lambda: ear.numbers(ANNA) == list(range(1, 100)))
    assert bus.statistics().reconnects == 0


async def test_publishing_never_blocks_and_the_queue_is_bounded_while_redis_is_frozen(
    make: Make, server: RedisServer, ear: Ear
) -> None:
    bus = await start(make(deaf_after_s=0.5, queue_frames=1_000), ear, ANNA)
    server.freeze()
    begun = time.monotonic()
    for seq in range(20_000):
        bus.publish(ANNA, seq, "g.0", bytes(500))
    assert time.monotonic() - begun < 2
    assert bus.statistics().dropped == 19_000
    await until(bus.is_degraded)
    server.thaw()
    await until(lambda: not bus.is_degraded())
    await hears(bus, ear, ANNA)


async def test_an_empty_redis_after_a_crash_is_subscribed_again_with_gaps(
    make: Make, server: RedisServer, ear: Ear
) -> None:
    bus = await start(make(), ear, ANNA, BEN)
    server.kill()
    await until(bus.is_degraded)
    server.start()
    await until(lambda: sorted(ear.gaps) == [ANNA, BEN])
    await hears(bus, ear, BEN)


async def test_a_wiped_redis_is_no_event(make: Make, server: RedisServer, ear: Ear) -> None:
    bus = await start(make(), ear, ANNA)
    server.wipe()
    await hears(bus, ear, ANNA)
    assert ear.gaps == []


async def test_redis_may_appear_after_the_node(make: Make, server: RedisServer, ear: Ear) -> None:
    server.kill()
    bus = make()
    await bus.start(ear)
    assert not await bus.subscribe([ANNA], timeout_s=0.1)
    assert bus.is_degraded()
    server.start()
    await until(lambda: not bus.is_degraded() and ear.gaps == [ANNA])
    await hears(bus, ear, ANNA)


async def test_frames_published_while_redis_is_away_arrive_when_it_appears(
    make: Make, server: RedisServer, ear: Ear
) -> None:
    server.kill()
    bus = make()
    await bus.start(ear)
    bus.publish(ANNA, 1, "g.0", b"{}")
    server.start()
    await until(lambda: bus.statistics().published == 1)


async def test_a_session_that_gives_up_waiting_for_its_subscription_leaves_nothing_behind(
    make: Make, server: RedisServer, ear: Ear
) -> None:
    bus = await start(make(), ear)
    server.freeze()
    assert not await bus.subscribe([ANNA], timeout_s=0.05)
    bus.unsubscribe([ANNA])
    server.thaw()
    await until(lambda: subscribers(server, ANNA) == 0)
    assert ear.gaps == []
    assert bus.statistics().subscriptions == 0


async def test_a_session_lasts_while_the_node_hears_itself(make: Make, server: RedisServer, ear: Ear) -> None:
    bus = await start(make(deaf_after_s=1.0), ear, ANNA)

    def beats() -> int:
        with server.client() as client:
            return int(client.info("commandstats")["cmdstat_publish"]["calls"])

    await until(lambda: beats() >= 25)
    assert bus.statistics().reconnects == 0


async def test_a_deadline_swallowed_while_connecting_still_ends_the_session(
    make: Make, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stubborn(Connection):
        async def connect(self) -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await anyio.sleep_forever()
            await super().connect()  # type: ignore[no-untyped-call]

    bus = make(deaf_after_s=0.5)
    usual = bus._address.connection
    first: list[AbstractConnection] = [Stubborn(port=server.port, protocol=2, driver_info=None)]
    monkeypatch.setattr(bus._address, "connection", lambda: first.pop() if first else usual())
    await bus.start(None)
    await until(lambda: not bus.is_degraded())


@pytest.mark.parametrize("turns", range(6))
async def test_closing_ends_when_redis_goes_away_a_few_turns_of_the_loop_before(
    turns: int, make: Make, server: RedisServer, ear: Ear
) -> None:
    bus = await start(make(), ear)
    server.kill()
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()
    with anyio.fail_after(5):
        await bus.close()
