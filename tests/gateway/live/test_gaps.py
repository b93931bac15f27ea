"""P3: whatever the bus loses is noticed and filled from the store."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path

import pytest

from inbox.bus.base import Listener
from inbox.bus.memory import MemoryBus
from inbox.errors import Unavailable
from inbox.model import Changes, Cursor, Head
from inbox.store.sqlite import SqliteStore
from tests.gateway.live.node import NodeFactory
from tests.samples import stream_of
from tests.waiting import until

pytestmark = pytest.mark.anyio


class LossyBus(MemoryBus):
    """Loses the entries whose numbers are in ``lost``, and says that it is degraded when told to."""

    def __init__(self, *lost: int) -> None:
        super().__init__()
        self.lost = set(lost)
        self.asked_anew: list[str] = []
        self.listener: Listener | None = None

    async def start(self, listener: Listener | None) -> None:
        self.listener = listener
        await super().start(listener)

    def publish(self, stream: str, seq: int, epoch: str, frame: bytes) -> None:
        if seq not in self.lost:
            super().publish(stream, seq, epoch, frame)

    def resubscribe(self, streams: Collection[str]) -> None:
        self.asked_anew += streams


class SlowBus(MemoryBus):
    """Confirms subscriptions when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.confirms = asyncio.Event()

    async def subscribe(self, streams: Collection[str], timeout_s: float) -> bool:
        self.asked.set()
        try:
            async with asyncio.timeout(timeout_s):
                await self.confirms.wait()
        except TimeoutError:
            return False
        return await super().subscribe(streams, timeout_s)


class TroubledStore(SqliteStore):
    """Does not answer reads while ``is_away``, and can be restored from a backup under the node's feet."""

    is_away = False
    looks = 0

    def start_over(self) -> None:
        self._generation = "another"

    async def heads(self, streams: Sequence[str]) -> list[Head]:
        self._answer()
        self.looks += 1
        return await super().heads(streams)

    async def changes(self, stream: str, since: int, epoch: str, limit: int) -> Changes:
        self._answer()
        return await super().changes(stream, since, epoch, limit)

    async def catch_up(self, wanted: Sequence[tuple[str, Cursor]], limit: int) -> list[Changes | None]:
        self._answer()
        return await super().catch_up(wanted, limit)

    def _answer(self) -> None:
        if self.is_away:
            raise Unavailable("away")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[TroubledStore]:
    store = TroubledStore(tmp_path / "bellwire.sqlite3")
    await store.open()
    yield store
    await store.close()


async def test_the_log_is_read_after_the_subscription_is_confirmed(start: NodeFactory) -> None:
    bus = SlowBus()
    node = await start(bus)
    async with node.client() as first, node.client() as second:
        await first.say("hello", token="ann")
        await bus.asked.wait()
        await second.say("hello", token="ann")
        await node.publish("ann", 3)
        bus.confirms.set()
        assert [(await first.hear())["seq"], (await second.hear())["seq"]] == [3, 3]


async def test_a_hello_is_served_even_if_the_subscription_is_not(start: NodeFactory) -> None:
    node = await start(SlowBus(), subscribe_timeout_s=0.1, head_check_s=0.1, head_check_grace_s=0.05)
    async with node.client() as client:
        assert (await client.hello("ann"))["t"] == "welcome"
        await node.publish("ann", 2)
        assert await client.seqs(2) == [1, 2]


async def test_a_gap_is_filled_when_the_next_entry_comes(start: NodeFactory) -> None:
    node = await start(LossyBus(3, 4), head_check_s=60)
    async with node.client() as client:
        await client.hello("ann")
        await node.publish("ann", 6)
        assert await client.seqs(6) == [1, 2, 3, 4, 5, 6]
        assert node.hub.statistics().gaps_repaired == 1


async def test_a_loss_before_a_silence_is_found_by_the_head_check(start: NodeFactory) -> None:
    bus = LossyBus(2)
    node = await start(bus, head_check_s=0.1, head_check_grace_s=1.0)
    async with node.client() as client:
        await client.hello("ann")
        await node.publish("ann", 2)
        assert await client.seqs(2) == [1, 2]
        assert bus.asked_anew == [stream_of("ann")]
        assert node.hub.statistics().losses_found == 1


async def test_a_stream_that_is_not_behind_is_not_asked_for_anew(start: NodeFactory, store: TroubledStore) -> None:
    bus = LossyBus()
    node = await start(bus, store, head_check_s=0.02, head_check_grace_s=1.0)
    async with node.client() as client:
        await client.hello("ann")
        await node.publish("ann", 200)
        await client.seqs(200)
        looks = store.looks
        await until(lambda: store.looks > looks)
    assert bus.asked_anew == []


async def test_a_gap_that_the_bus_reports_is_filled_at_once(start: NodeFactory) -> None:
    bus = LossyBus(1)
    node = await start(bus, head_check_s=60)
    async with node.client() as client:
        await client.hello("ann")
        await node.publish("ann")
        assert bus.listener is not None
        bus.listener.gap([stream_of("ann"), stream_of("nobody")])
        assert await client.seqs(1) == [1]


async def test_an_entry_that_comes_twice_is_sent_once(start: NodeFactory) -> None:
    bus = LossyBus()
    node = await start(bus)
    async with node.client() as client:
        epoch = (await client.hello("ann"))["epoch"]
        await node.publish("ann", 3)
        bus.publish(stream_of("ann"), 2, epoch, b"{}")
        await node.publish("ann")
        assert await client.seqs(4) == [1, 2, 3, 4]
        assert node.hub.statistics().gaps_repaired == 0


async def test_an_entry_of_a_foreign_epoch_is_never_shown(start: NodeFactory) -> None:
    bus = LossyBus()
    node = await start(bus)
    async with node.client() as client:
        await client.hello("ann")
        bus.publish(stream_of("ann"), 1, "foreign", b'{"t":"entry","seq":1,"kind":"forged"}')
        await node.publish("ann")
        assert (await client.hear())["kind"] == "created"


async def test_a_stream_that_was_started_over_ends_its_sessions_with_a_reset(
    start: NodeFactory, store: TroubledStore
) -> None:
    node = await start(store=store, head_check_s=0.1, head_check_grace_s=0.05)
    async with node.client() as client:
        await client.hello("ann")
        store.start_over()
        assert await client.closed() == 4004


async def test_sessions_outlive_a_store_that_is_away(start: NodeFactory, store: TroubledStore) -> None:
    node = await start(LossyBus(2), store, head_check_s=0.1, head_check_grace_s=0.05)
    async with node.client() as client:
        await client.hello("ann")
        store.is_away = True
        await node.publish("ann", 3)
        await until(lambda: node.hub.statistics().read_failures > 0)
        store.is_away = False
        assert await client.seqs(3) == [1, 2, 3]


async def test_a_hello_that_cannot_be_served_is_asked_to_come_back(start: NodeFactory, store: TroubledStore) -> None:
    node = await start(store=store)
    store.is_away = True
    async with node.client() as client:
        bye = await client.hello("ann", ("any", 1))
        assert (bye["t"], bye["code"]) == ("bye", 4008)
        assert await client.closed() == 4008
