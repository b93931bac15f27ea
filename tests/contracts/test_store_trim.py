"""What every store promises about its upkeep."""

import pytest

from inbox.errors import StreamReset
from inbox.model import Cursor, Mark
from inbox.store.base import Store
from tests.audit import audit, read_log
from tests.contracts.filling import ANNA, fill, head_of
from tests.samples import Recorder
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def trim_to(store: Store, n: int, keep_entries: int) -> None:
    """Trim until ``n`` entries are gone, and then no more; what was written just now is old a millisecond later."""
    dropped: list[int] = []

    async def all_dropped() -> bool:
        dropped.append(await store.trim(keep_entries, 0.0))
        return sum(dropped) >= n

    await until(all_dropped)
    assert sum(dropped) == n
    assert await store.trim(keep_entries, 0.0) == 0


async def test_trimming_drops_a_prefix_and_says_so_to_old_cursors(store: Store) -> None:
    store.outlet = recorder = Recorder()
    await fill(store, 8)
    await store.mark(ANNA, Mark("read", upto=2))
    await trim_to(store, 6, keep_entries=3)
    found = await audit(store, ANNA, recorder.entries[ANNA])
    assert [entry.seq for entry in await read_log(store, ANNA, Cursor(found.head.epoch, 6))] == [7, 8, 9]
    assert len(found.items) == 8
    with pytest.raises(StreamReset, match="trimmed"):
        await store.changes(ANNA, 5, found.head.epoch, 10)


async def test_the_newest_entry_is_never_trimmed(store: Store) -> None:
    await fill(store, 3)
    await trim_to(store, 2, keep_entries=0)
    epoch = (await head_of(store)).epoch
    assert [entry.seq for entry in (await store.changes(ANNA, 2, epoch, 10)).entries] == [3]


async def test_young_entries_are_not_trimmed(store: Store) -> None:
    await fill(store, 5)
    assert await store.trim(1, 3_600.0) == 0
    assert len((await audit(store, ANNA)).log) == 5


async def test_numbers_go_on_after_trimming(store: Store) -> None:
    store.outlet = recorder = Recorder()
    await fill(store, 5)
    await trim_to(store, 4, keep_entries=1)
    await fill(store, 2)
    assert (await audit(store, ANNA, recorder.entries[ANNA])).head.seq == 7


async def test_nothing_is_left_to_sweep_when_all_writers_were_answered(store: Store) -> None:
    await fill(store, 3)
    assert await store.sweep() == 0
    await audit(store, ANNA)
