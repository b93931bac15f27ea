"""What every store promises about marks."""

import asyncio
from typing import get_args

import pytest

from inbox.errors import StreamReset
from inbox.ids import item_id
from inbox.model import Counts, Mark, MarkOp
from inbox.store.base import Store
from inbox.stream import MARK_IDS_MAX
from tests.audit import audit
from tests.contracts.filling import ANNA, fill, head_of, publish_many
from tests.samples import stream_of, submission

pytestmark = pytest.mark.anyio

OPS: tuple[MarkOp, ...] = get_args(MarkOp)


@pytest.mark.parametrize("by", ["ids", "upto"])
@pytest.mark.parametrize("op", OPS)
async def test_a_mark_changes_its_items_and_the_counts(store: Store, op: MarkOp, by: str) -> None:
    ids = await fill(store, 4)
    await store.mark(ANNA, Mark("read", ids=(ids[0],)))
    await store.mark(ANNA, Mark("archive", ids=(ids[1],)))
    before = await head_of(store)
    done = await store.mark(ANNA, Mark(op, ids=tuple(ids)) if by == "ids" else Mark(op, upto=4))
    found = await audit(store, ANNA)
    assert done.head == found.head
    assert done.head.seq == before.seq + 1
    assert set(done.changed or ()) == set(found.log[-1].ids or ())
    assert done.missing == ()


@pytest.mark.parametrize("op", OPS)
async def test_a_mark_that_changes_nothing_makes_no_entry(store: Store, op: MarkOp) -> None:
    ids = await fill(store, 2)
    await store.mark(ANNA, Mark(op, ids=tuple(ids)))
    head = await head_of(store)
    again = await store.mark(ANNA, Mark(op, upto=2))
    assert (again.head, again.changed) == (head, ())
    assert (await audit(store, ANNA)).head == head


async def test_a_mark_names_only_what_changed(store: Store) -> None:
    ids = await fill(store, 3)
    await store.mark(ANNA, Mark("seen", ids=(ids[1],)))
    done = await store.mark(ANNA, Mark("seen", ids=tuple(ids)))
    assert set(done.changed or ()) == {ids[0], ids[2]}


async def test_an_id_given_twice_counts_once(store: Store) -> None:
    (id,) = await fill(store, 1)
    done = await store.mark(ANNA, Mark("read", ids=(id, id, "nonsense", "nonsense")))
    assert (done.changed, done.missing) == ((id,), ("nonsense",))
    await audit(store, ANNA)


async def test_ids_of_another_inbox_are_missing_and_untouched(store: Store) -> None:
    (mine,) = await fill(store, 1)
    (other,) = await fill(store, 1, user="ben")
    stolen = item_id(ANNA, other.partition("-")[0])
    done = await store.mark(ANNA, Mark("read", ids=(mine, other, stolen)))
    assert done.changed == (mine,)
    assert set(done.missing) == {other, stolen}
    assert (await audit(store, stream_of("ben"))).head.counts == Counts(1, 1)


async def test_a_removed_item_is_missing(store: Store) -> None:
    (id,) = await fill(store, 1)
    await store.mark(ANNA, Mark("remove", ids=(id,)))
    done = await store.mark(ANNA, Mark("read", ids=(id,)))
    assert (done.changed, done.missing) == ((), (id,))
    assert (await audit(store, ANNA)).items == []


async def test_a_mark_on_a_stream_never_written_changes_nothing(store: Store) -> None:
    done = await store.mark(ANNA, Mark("read", ids=("nonsense",)))
    assert (done.head.seq, done.changed, done.missing) == (0, (), ("nonsense",))
    assert (await store.mark(ANNA, Mark("read", upto=9))).head == await head_of(store)


async def test_upto_means_the_items_with_a_number_up_to_it(store: Store) -> None:
    ids = await fill(store, 5)
    done = await store.mark(ANNA, Mark("read", upto=3))
    assert set(done.changed or ()) == set(ids[:3])
    assert done.head.counts == Counts(2, 2)


async def test_upto_beyond_the_head_is_clamped(store: Store) -> None:
    await fill(store, 2)
    assert (await store.mark(ANNA, Mark("read", upto=2**80))).head.counts == Counts(0, 0)
    await audit(store, ANNA)


@pytest.mark.parametrize("mark", [Mark("read", upto=1, epoch="other.0"), Mark("read", upto=1, epoch="")])
async def test_a_mark_of_another_epoch_is_a_reset(store: Store, mark: Mark) -> None:
    await fill(store, 1)
    with pytest.raises(StreamReset, match="expected epoch"):
        await store.mark(ANNA, mark)
    assert (await audit(store, ANNA)).head.seq == 1


async def test_the_epoch_of_the_head_is_accepted(store: Store) -> None:
    await fill(store, 1)
    assert (await store.mark(ANNA, Mark("read", upto=1, epoch=(await head_of(store)).epoch))).head.seq == 2


async def test_a_mark_of_more_items_than_an_entry_names_says_upto(store: Store) -> None:
    n = MARK_IDS_MAX + 20
    ids = await publish_many(store, n)
    # Every shape an item can have is among them.
    await store.mark(ANNA, Mark("read", ids=tuple(ids[:3])))
    await store.mark(ANNA, Mark("archive", ids=tuple(ids[2:5])))
    await store.mark(ANNA, Mark("seen", ids=tuple(ids[4:7])))
    await store.mark(ANNA, Mark("remove", ids=tuple(ids[6:9])))
    ops: list[MarkOp] = ["seen", "read", "unread", "archive", "unarchive", "remove"]
    for op in ops:
        head = await head_of(store)
        done = await store.mark(ANNA, Mark(op, upto=head.seq))
        found = await audit(store, ANNA)
        assert done.head == found.head
        assert (done.changed, done.upto, found.log[-1].upto) == (None, head.seq, head.seq)


async def test_upto_that_changes_few_items_names_them(store: Store) -> None:
    await publish_many(store, MARK_IDS_MAX + 20)
    await store.mark(ANNA, Mark("read", upto=MARK_IDS_MAX + 10))
    done = await store.mark(ANNA, Mark("read", upto=10_000))
    assert done.upto is None
    assert len(done.changed or ()) == 10
    await audit(store, ANNA)


async def test_marks_and_publishes_at_the_same_time_leave_an_exact_stream(store: Store) -> None:
    ids = await fill(store, 10)

    async def write(turn: int) -> None:
        await store.publish(submission("anna"))
        await store.mark(ANNA, Mark(OPS[turn % 5], ids=(ids[turn % 10], ids[(turn * 3) % 10])))
        await store.mark(ANNA, Mark(OPS[(turn + 1) % 5], upto=turn))

    await asyncio.gather(*(write(turn) for turn in range(30)))
    await audit(store, ANNA)
