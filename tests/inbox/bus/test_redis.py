"""The Redis bus and a real redis-server that is cut, frozen, killed, late or fed with forgeries."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from redis.asyncio.connection import AbstractConnection, Connection

from inbox.bus.redis import RedisBus
from inbox.bus.redis.seal import Seal
from tests.inbox.bus.ear import Ear
from tests.servers.redis import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.anyio

ANNA, BEN, CLEO = "acme/anna", "acme/ben", "acme/cleo"
KEY = bytes(range(32))
Make = Callable[..., RedisBus]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def make(server: RedisServer) -> AsyncIterator[Make]:
    """Makes buses that notice within half a second what takes five in production."""
    async with AsyncExitStack() as stack:

        def make(url: str = server.url, deaf_after_s: float = 0.5, queue_frames: int = 50_000) -> RedisBus:
            bus = RedisBus(
                url, KEY, echo_every_s=0.05, deaf_after_s=deaf_after_s, backoff_max_s=0.1, queue_frames=queue_frames
            )
            stack.push_async_callback(bus.close)
            return bus

        yield make


@pytest.fixture
def ear() -> Ear:
    return Ear()


async def start(bus: RedisBus, ear: Ear | None, *streams: str) -> RedisBus:
    await bus.start(ear)
    await until(lambda: not bus.is_degraded())
    assert await bus.subscribe(streams, timeout_s=5)
    return bus


async def hears(bus: RedisBus, ear: Ear, stream: str) -> None:
    """Returns once a frame published now has arrived."""
    seq = max(ear.numbers(stream), default=0) + 1
    bus.publish(stream, seq, "g.0", b"{}")
    await until(lambda: seq in ear.numbers(stream))


def subscribers(server: RedisServer, stream: str) -> int:
    with server.client() as client:
        ((_, count),) = client.pubsub_numsub(f"bw:{stream}")
        return int(count)


def push(server: RedisServer, stream: str, message: bytes) -> None:
    """Publish raw bytes, as somebody with access to Redis could."""
    with server.client() as client:
        assert client.publish(f"bw:{stream}", message) == 1


async def test_two_nodes_hear_what_a_third_process_publishes(make: Make) -> None:
    ears = [Ear(), Ear()]
    for ear in ears:
        await start(make(), ear, ANNA)
    (await start(make(), None)).publish(ANNA, 1, "g.0", b"{}")
    await until(lambda: [ear.numbers(ANNA) for ear in ears] == [[1], [1]])


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x01",
        b'{"t":"entry","seq":1}',
        bytes(1_000_000),
        Seal(bytes(32)).close(ANNA, 1, "g.0", b"{}"),
        Seal(KEY).close(BEN, 1, "g.0", b"{}"),
        b"\x02" + Seal(KEY).close(ANNA, 1, "g.0", b"{}")[1:],
    ],
    ids=["empty", "one byte", "a bare frame", "zeros", "another key", "another stream's", "another version"],
)
async def test_a_message_that_is_not_ours_is_dropped_and_counted(
    message: bytes, make: Make, server: RedisServer, ear: Ear
) -> None:
    bus = await start(make(), ear, ANNA)
    push(server, ANNA, message)
    await hears(bus, ear, ANNA)
    assert bus.statistics().forged == 1
    assert len(ear.heard) == 1


async def test_a_forged_heartbeat_is_dropped_and_counted(make: Make, server: RedisServer, ear: Ear) -> None:
    bus = await start(make(), ear)
    with server.client() as client:
        (own,) = client.pubsub_channels()
        client.publish(own, b"\x01" + bytes(30))
    await until(lambda: bus.statistics().forged == 1)


async def test_a_reply_beyond_any_bound_ends_the_connection_not_the_memory(
    make: Make, server: RedisServer, ear: Ear
) -> None:
    bus = await start(make(), ear, ANNA)
    push(server, ANNA, bytes(16 * 1024 * 1024))
    await until(lambda: bus.statistics().reconnects == 1)
    await hears(bus, ear, ANNA)


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


async def test_a_freeze_shorter_than_the_limit_costs_nothing(make: Make, server: RedisServer, ear: Ear) -> None:
    bus = await start(make(deaf_after_s=10), ear, ANNA)
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
    bus = await start(make(queue_frames=1_000), ear, ANNA)
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


async def test_a_confirmation_after_the_wait_was_given_up_is_a_gap(make: Make, server: RedisServer, ear: Ear) -> None:
    bus = await start(make(deaf_after_s=10), ear, ANNA)
    server.freeze()
    begun = time.monotonic()
    assert not await bus.subscribe([ANNA, BEN], timeout_s=0.2)
    assert time.monotonic() - begun < 1
    server.thaw()
    await until(lambda: ear.gaps == [BEN])
    assert await bus.subscribe([BEN], timeout_s=0)


async def test_a_resubscription_is_confirmed_anew_and_then_a_gap(make: Make, ear: Ear) -> None:
    bus = await start(make(), ear, ANNA, BEN)
    bus.resubscribe([ANNA, CLEO])
    await until(lambda: ear.gaps == [ANNA])


async def test_10_000_subscriptions_are_confirmed_within_2_s(make: Make, ear: Ear) -> None:
    bus = await start(make(deaf_after_s=5), ear)
    streams = [f"acme/{number}" for number in range(10_000)]
    begun = time.monotonic()
    assert await bus.subscribe(streams, timeout_s=2)
    assert time.monotonic() - begun < 2
    await hears(bus, ear, streams[-1])


async def test_a_session_that_gives_up_waiting_for_its_subscription_leaves_nothing_behind(
    make: Make, server: RedisServer, ear: Ear
) -> None:
    bus = await start(make(deaf_after_s=10), ear)
    server.freeze()
    assert not await bus.subscribe([ANNA], timeout_s=0.05)
    bus.unsubscribe([ANNA])
    server.thaw()
    await until(lambda: subscribers(server, ANNA) == 0)
    assert ear.gaps == []
    assert bus.statistics().subscriptions == 0


async def test_a_wait_for_a_stream_ends_when_the_stream_is_left(make: Make, server: RedisServer, ear: Ear) -> None:
    bus = await start(make(deaf_after_s=30), ear)
    server.freeze()
    waiting = asyncio.create_task(bus.subscribe([ANNA], timeout_s=30))
    await until(lambda: bus.statistics().subscriptions == 1)
    bus.unsubscribe([ANNA])
    with anyio.fail_after(5):
        assert not await waiting


async def test_a_session_lasts_while_the_node_hears_itself(make: Make, server: RedisServer, ear: Ear) -> None:
    bus = await start(make(deaf_after_s=0.3), ear, ANNA)

    def beats() -> int:
        with server.client() as client:
            return int(client.info("commandstats")["cmdstat_publish"]["calls"])

    await until(lambda: beats() >= 20)
    assert bus.statistics().reconnects == 0


async def test_a_refusal_by_redis_is_named_and_ends_when_it_is_lifted(
    make: Make, server: RedisServer, ear: Ear, capsys: pytest.CaptureFixture[str]
) -> None:
    bus = await start(make(), ear, ANNA)
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "resetchannels")
        server.cut_pubsub()
        shown = ""

        def refused() -> bool:
            nonlocal shown
            shown += capsys.readouterr().out
            return "NOPERM" in shown

        await until(refused)
        client.execute_command("ACL", "SETUSER", "default", "allchannels")
    await until(lambda: ear.gaps == [ANNA])
    await hears(bus, ear, ANNA)


async def test_a_listener_that_breaks_its_word_does_not_leave_the_node_deaf(make: Make, ear: Ear) -> None:
    def fail_once(_: str) -> None:
        ear.on_frame = lambda stream: None
        raise RuntimeError("a listener must not raise")

    bus = await start(make(), ear, ANNA)
    ear.on_frame = fail_once
    bus.publish(ANNA, 1, "g.0", b"{}")
    await until(lambda: ear.gaps == [ANNA])
    await hears(bus, ear, ANNA)


async def test_a_deadline_swallowed_while_connecting_still_ends_the_session(
    make: Make, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stubborn(Connection):
        async def connect(self) -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await anyio.sleep_forever()
            await super().connect()  # type: ignore[no-untyped-call]

    bus = make()
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


async def test_a_wrong_password_keeps_the_node_degraded_and_is_not_shown(
    tmp_path: Path, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = RedisServer(tmp_path, "--requirepass", "open-sesame")
    locked.start()
    shown: list[str] = []

    def tried() -> bool:
        shown.append(capsys.readouterr().out)
        return "bus_degraded" in "".join(shown)

    try:
        bus = make(url=locked.url.replace("://", "://:hunter2@"))
        await bus.start(None)
        await until(tried)
        assert bus.is_degraded()
        assert "hunter2" not in "".join(shown)
    finally:
        locked.stop()


async def test_the_password_of_the_url_opens_a_locked_redis(tmp_path: Path, make: Make, ear: Ear) -> None:
    locked = RedisServer(tmp_path, "--requirepass", "open-sesame")
    locked.start()
    try:
        bus = await start(make(url=locked.url.replace("://", "://:open-sesame@")), ear, ANNA)
        await hears(bus, ear, ANNA)
        await bus.close()
    finally:
        locked.stop()
