"""The bus through a real Redis Cluster whose slots move and whose primaries freeze and die."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import anyio
import pytest

from inbox.bus.redis import ClusterBus, RedisBus
from inbox.bus.redis.slots import slot_of
from tests.inbox.bus.ear import Ear
from tests.servers.redis import ClusterNode, RedisCluster, RedisServer
from tests.waiting import until

pytestmark = pytest.mark.anyio

KEY = bytes(range(32))
# One at each primary, in their order.
EMIL, ANNA, BEN = "acme/emil", "acme/anna", "acme/ben"
Make = Callable[..., ClusterBus]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RedisCluster]:
    cluster = RedisCluster(tmp_path)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
async def make(cluster: RedisCluster) -> AsyncIterator[Make]:
    """Makes buses that take no pause of a slow machine for deafness, unless told to."""
    async with AsyncExitStack() as stack:

        def make(url: str = cluster.url, deaf_after_s: float = 10) -> ClusterBus:
            quick = partial(RedisBus, echo_every_s=0.05, deaf_after_s=deaf_after_s, backoff_max_s=0.1)
            bus = ClusterBus(url, KEY, quick)
            stack.push_async_callback(bus.close)
            return bus

        yield make


@pytest.fixture
def ear() -> Ear:
    return Ear()


async def start(bus: ClusterBus, ear: Ear | None, *streams: str) -> ClusterBus:
    """Returns once each primary of ``streams`` is heard; before they are wanted, it is enough that it is known."""
    await bus.start(ear)
    await until(lambda: not bus.is_degraded())
    assert await bus.subscribe(streams, timeout_s=5)
    await until(lambda: not bus.is_degraded())
    return bus


async def hears(bus: ClusterBus, ear: Ear, stream: str) -> None:
    """Returns once a frame arrives; frames may get lost before."""

    def arrived() -> bool:
        bus.publish(stream, 1, "g.0", b"{}")
        return len(ear.numbers(stream)) > before

    before = len(ear.numbers(stream))
    await until(arrived)


def home(cluster: RedisCluster, stream: str) -> ClusterNode:
    return cluster.owner(slot_of(stream))


async def test_the_streams_of_this_file_are_spread_over_the_primaries(cluster: RedisCluster) -> None:
    assert [cluster.nodes.index(home(cluster, stream)) for stream in (EMIL, ANNA, BEN)] == [0, 1, 2]


async def test_two_nodes_hear_what_a_third_process_publishes_on_any_primary(make: Make) -> None:
    ears = [Ear(), Ear()]
    for ear in ears:
        await start(make(), ear, EMIL, ANNA, BEN)
    publisher = await start(make(), None)
    for stream in (EMIL, ANNA, BEN):
        publisher.publish(stream, 1, "g.0", b"{}")
    await until(lambda: all(ear.numbers(stream) == [1] for ear in ears for stream in (EMIL, ANNA, BEN)))


async def test_a_stream_taken_before_the_owners_are_known_is_waited_for(make: Make, ear: Ear) -> None:
    bus = make()
    await bus.start(ear)
    assert await bus.subscribe([ANNA], timeout_s=5)
    await hears(bus, ear, ANNA)


async def test_one_node_of_the_cluster_tells_of_the_others(make: Make, cluster: RedisCluster, ear: Ear) -> None:
    bus = await start(make(f"redis+cluster://127.0.0.1:1,127.0.0.1:{cluster.nodes[0].port}"), ear, EMIL, ANNA, BEN)
    await hears(bus, ear, BEN)


async def test_a_slot_that_moves_is_a_gap_of_its_streams_only_and_delivery_goes_on(
    make: Make, cluster: RedisCluster, ear: Ear
) -> None:
    bus = await start(make(), ear, EMIL, ANNA, BEN)
    cluster.move(slot_of(ANNA), cluster.nodes[2])
    await until(lambda: ear.gaps == [ANNA])
    await hears(bus, ear, ANNA)
    counted = bus.statistics()
    assert (counted.gaps, counted.reconnects, counted.degraded, counted.subscriptions) == (1, 0, False, 3)
    assert await bus.subscribe([ANNA], timeout_s=0)


async def test_a_slot_that_moves_away_and_back_goes_on(make: Make, cluster: RedisCluster, ear: Ear) -> None:
    bus = await start(make(), ear, ANNA)
    for times, number in enumerate((2, 1, 0, 1), start=1):
        cluster.move(slot_of(ANNA), cluster.nodes[number])
        await until(lambda times=times: len(ear.gaps) >= times)
        await hears(bus, ear, ANNA)
    assert bus.statistics().reconnects == 0


async def test_a_process_that_only_publishes_follows_a_slot_that_moves(
    make: Make, cluster: RedisCluster, ear: Ear
) -> None:
    await start(make(), ear, ANNA)
    publisher = await start(make(), None)
    await hears(publisher, ear, ANNA)
    cluster.move(slot_of(ANNA), cluster.nodes[0])
    await until(lambda: ear.gaps == [ANNA])
    await hears(publisher, ear, ANNA)
    counted = publisher.statistics()
    assert counted.dropped >= 1
    assert counted.reconnects == 0


async def test_a_stream_taken_while_its_slot_moves_is_confirmed_by_its_new_primary(
    make: Make, cluster: RedisCluster, ear: Ear
) -> None:
    bus = await start(make(), ear, EMIL)
    cluster.move(slot_of(ANNA), cluster.nodes[0])
    assert await bus.subscribe([ANNA], timeout_s=5)
    await hears(bus, ear, ANNA)


async def test_a_slot_that_its_primary_does_not_serve_for_a_while_is_asked_for_until_it_does(
    make: Make, cluster: RedisCluster, ear: Ear
) -> None:
    bus = await start(make(), ear, EMIL, ANNA)
    owner, slot = home(cluster, ANNA), slot_of(ANNA)
    owner.command("CLUSTER", "DELSLOTS", slot)

    async def cut_off() -> bool:
        return not await bus.subscribe([ANNA], timeout_s=0.1)

    await until(cut_off)
    await hears(bus, ear, EMIL)
    owner.command("CLUSTER", "ADDSLOTS", slot)
    await until(lambda: ear.gaps == [ANNA])
    await hears(bus, ear, ANNA)
    assert bus.statistics().reconnects == 0


async def test_a_stream_whose_slot_nobody_owns_degrades_the_bus_until_somebody_does(
    make: Make, cluster: RedisCluster, ear: Ear
) -> None:
    bus = await start(make(), ear, EMIL, ANNA)
    owner, slot = home(cluster, ANNA), slot_of(ANNA)
    for node in (owner, cluster.nodes[0], cluster.nodes[2]):
        node.command("CLUSTER", "DELSLOTS", slot)
    await until(bus.is_degraded)
    assert not await bus.subscribe([ANNA], timeout_s=0.1)
    owner.command("CLUSTER", "ADDSLOTS", slot)
    await until(lambda: ear.gaps == [ANNA] and not bus.is_degraded())
    await hears(bus, ear, ANNA)


async def test_a_stream_left_before_its_slot_moves_is_not_taken_along(
    make: Make, cluster: RedisCluster, ear: Ear
) -> None:
    bus = await start(make(), ear, EMIL, ANNA)
    bus.unsubscribe([ANNA])
    for stream in (ANNA, EMIL):
        cluster.move(slot_of(stream), cluster.nodes[2])
    await until(lambda: ear.gaps == [EMIL])
    assert bus.statistics().subscriptions == 1
    with cluster.nodes[2].client() as client:
        assert client.execute_command("PUBSUB", "SHARDNUMSUB", f"bw:{ANNA}") == [f"bw:{ANNA}".encode(), 0]


async def test_a_primary_that_loses_the_slot_of_the_heartbeat_is_heard_through_another(
    make: Make, cluster: RedisCluster, ear: Ear
) -> None:
    bus = await start(make(), ear, EMIL, ANNA)
    heartbeat = cluster.nodes[1].command("PUBSUB", "SHARDCHANNELS", "bw:*[0-9]")[0].decode().removeprefix("bw:")
    cluster.move(slot_of(heartbeat), cluster.nodes[0])
    await until(lambda: ear.gaps == [ANNA])
    await until(lambda: not bus.is_degraded())
    await hears(bus, ear, ANNA)


async def test_a_frozen_primary_degrades_its_streams_and_leaves_the_others_alone(
    make: Make, cluster: RedisCluster, ear: Ear
) -> None:
    bus = await start(make(deaf_after_s=2), ear, EMIL, ANNA, BEN)
    cluster.nodes[1].freeze()
    await until(bus.is_degraded)
    await hears(bus, ear, EMIL)
    await hears(bus, ear, BEN)
    assert ear.gaps == []
    cluster.nodes[1].thaw()
    await until(lambda: ear.gaps == [ANNA] and not bus.is_degraded())
    await hears(bus, ear, ANNA)


async def test_a_frozen_primary_without_a_wanted_stream_degrades_nothing(
    make: Make, cluster: RedisCluster, ear: Ear
) -> None:
    bus = await start(make(deaf_after_s=2), ear, EMIL, ANNA)
    cluster.nodes[1].freeze()
    await until(bus.is_degraded)
    bus.unsubscribe([ANNA])
    assert not bus.is_degraded()
    await bus.subscribe([ANNA], timeout_s=0)
    assert bus.is_degraded()


async def test_publishing_to_a_frozen_primary_is_bounded(make: Make, cluster: RedisCluster, ear: Ear) -> None:
    bus = await start(make(), ear, EMIL, ANNA)
    cluster.nodes[1].freeze()
    for seq in range(60_000):
        bus.publish(ANNA, seq, "g.0", b"{}")
    assert bus.statistics().dropped == 10_000
    await hears(bus, ear, EMIL)


async def test_a_primary_killed_and_started_again_is_a_gap_of_its_streams(
    make: Make, cluster: RedisCluster, ear: Ear
) -> None:
    bus = await start(make(), ear, EMIL, ANNA)
    cluster.nodes[1].kill()
    await until(bus.is_degraded)
    await hears(bus, ear, EMIL)
    cluster.nodes[1].start()
    await until(lambda: ear.gaps == [ANNA] and not bus.is_degraded())
    await hears(bus, ear, ANNA)


async def test_a_replica_that_takes_over_is_a_gap_of_its_streams_and_delivery_goes_on(
    make: Make, cluster: RedisCluster, ear: Ear
) -> None:
    replica = cluster.add_replica(cluster.nodes[1])
    bus = await start(make(), ear, EMIL, ANNA)
    cluster.nodes[1].kill()
    replica.command("CLUSTER", "FAILOVER", "TAKEOVER")
    await until(lambda: ear.gaps == [ANNA] and not bus.is_degraded())
    await hears(bus, ear, ANNA)


async def test_a_primary_that_forgot_its_slots_does_not_make_the_others_forgotten(
    make: Make, cluster: RedisCluster, ear: Ear
) -> None:
    cluster.nodes[0].kill()
    cluster.nodes[0].forget()
    cluster.nodes[0].start()
    bus = make()
    await bus.start(ear)
    await bus.subscribe([ANNA], timeout_s=1)
    await hears(bus, ear, ANNA)


async def test_a_cluster_may_appear_after_the_node(make: Make, cluster: RedisCluster, ear: Ear) -> None:
    for node in cluster.nodes:
        node.kill()
    bus = make()
    await bus.start(ear)
    bus.publish(ANNA, 1, "g.0", b"{}")
    assert bus.statistics().dropped == 1
    assert not await bus.subscribe([ANNA], timeout_s=0.1)
    assert bus.is_degraded()
    for node in cluster.nodes:
        node.start()
    await until(lambda: ear.gaps == [ANNA] and not bus.is_degraded())
    await hears(bus, ear, ANNA)


async def test_a_server_that_is_no_cluster_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = RedisServer(tmp_path)
    alone.start()
    shown: list[str] = []

    def refused() -> bool:
        shown.append(capsys.readouterr().out)
        return "cluster support disabled" in "".join(shown)

    try:
        bus = ClusterBus(f"redis+cluster://127.0.0.1:{alone.port}", KEY)
        await bus.start(None)
        await until(refused)
        assert bus.is_degraded()
        await bus.close()
    finally:
        alone.stop()


async def test_10_000_subscriptions_are_confirmed_within_2_s(make: Make, ear: Ear) -> None:
    bus = await start(make(), ear)
    with anyio.fail_after(3):
        assert await bus.subscribe([f"acme/{number}" for number in range(10_000)], timeout_s=2)


async def test_closing_ends_while_a_primary_is_frozen(make: Make, cluster: RedisCluster, ear: Ear) -> None:
    bus = await start(make(deaf_after_s=2), ear, ANNA)
    cluster.nodes[1].freeze()
    await until(bus.is_degraded)
    with anyio.fail_after(5):
        await bus.close()
