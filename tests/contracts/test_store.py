"""What every store promises, whatever it is made of."""

import asyncio
from collections.abc import Callable
from typing import get_args

import pytest
from msgspec.structs import replace

from inbox.errors import IdempotencyConflict, StreamReset
from inbox.ids import item_id, new_id, new_token
from inbox.model import Client, Counts, Cursor, Head, Mark, MarkOp, Process, Status
from inbox.store.base import Store
from inbox.stream import MARK_IDS_MAX
from inbox.times import now_ms
from tests.audit import audit, read_items, read_log
from tests.samples import Recorder, stream_of, submission
from tests.waiting import until

pytestmark = pytest.mark.anyio

ANNA = stream_of("anna")
OPS: tuple[MarkOp, ...] = get_args(MarkOp)


async def head_of(store: Store, stream: str = ANNA) -> Head:
    return (await store.heads([stream]))[0]


async def fill(store: Store, n: int, user: str = "anna", category: str = "news") -> list[str]:
    """Publish ``n`` notifications to ``user``, one after the other; their item ids, oldest first."""
    made = [submission(user, category=category) for _ in range(n)]
    for one in made:
        await store.publish(one)
    return [item_id(stream_of(user), one.notification.id) for one in made]


async def trim_to(store: Store, n: int, keep_entries: int) -> None:
    """Trim until ``n`` entries are gone, and then no more; what was written just now is old a millisecond later."""
    dropped: list[int] = []

    async def all_dropped() -> bool:
        dropped.append(await store.trim(keep_entries, 0.0))
        return sum(dropped) >= n

    await until(all_dropped)
    assert sum(dropped) == n
    assert await store.trim(keep_entries, 0.0) == 0


# Publishing


async def test_a_publish_is_the_first_entry_of_each_recipient(store: Store) -> None:
    made = submission("anna", "ben")
    receipt = await store.publish(made)
    assert (receipt.id, receipt.total) == (made.notification.id, 2)
    for stream in (ANNA, stream_of("ben")):
        found = await audit(store, stream)
        assert found.head.seq == 1
        assert found.head.counts == Counts(1, 1)
        assert [item.id for item in found.items] == [item_id(stream, made.notification.id)]
        assert found.items[0].notification == made.notification


async def test_a_publish_to_a_thousand_recipients_reaches_each_once(store: Store) -> None:
    users = [f"user-{i}" for i in range(1_000)]
    for _ in range(2):
        await store.publish(submission(*users))
    heads = await store.heads([stream_of(user) for user in users])
    assert {(head.seq, head.counts) for head in heads} == {(2, Counts(2, 2))}
    await audit(store, stream_of("user-999"))


async def test_a_repeated_key_is_answered_like_the_first_time(store: Store) -> None:
    first = await store.publish(submission("anna", key="k"))
    assert await store.publish(submission("anna", key="k")) == first
    assert [item.notification.id for item in (await audit(store, ANNA)).items] == [first.id]


async def test_the_same_key_at_the_same_time_publishes_once(store: Store) -> None:
    receipts = await asyncio.gather(*(store.publish(submission("anna", "ben", key="k")) for _ in range(16)))
    assert len({receipt.id for receipt in receipts}) == 1
    assert len((await audit(store, ANNA)).items) == 1
    assert len((await audit(store, stream_of("ben"))).items) == 1


async def test_a_key_with_another_body_is_a_conflict_that_names_the_first(store: Store) -> None:
    first = await store.publish(submission("anna", key="k"))
    other = replace(submission("anna", key="k"), body_hash=b"hash of another body")
    with pytest.raises(IdempotencyConflict) as caught:
        await store.publish(other)
    assert caught.value.first == first.id
    assert (await audit(store, ANNA)).head.seq == 1


async def test_a_key_belongs_to_one_tenant(store: Store) -> None:
    first = await store.publish(submission("anna", key="k"))
    second = await store.publish(submission("anna", key="k", tenant="bolt"))
    assert first.id != second.id


async def test_publishes_at_the_same_time_get_dense_numbers(store: Store) -> None:
    await asyncio.gather(*(store.publish(submission("anna", f"user-{i % 3}")) for i in range(60)))
    assert (await audit(store, ANNA)).head.seq == 60


async def test_two_stores_on_one_database_number_a_stream_together(
    store: Store, new_store: Callable[[], Store]
) -> None:
    other = new_store()
    await other.open()
    try:
        await asyncio.gather(*(one.publish(submission("anna")) for one in (store, other) for _ in range(20)))
        assert (
            (await audit(store, ANNA)).head
            == (await audit(other, ANNA)).head
            == Head((await head_of(store)).epoch, 40, Counts(40, 40))
        )
    finally:
        await other.close()


async def test_what_was_answered_is_there_after_reopening(new_store: Callable[[], Store]) -> None:
    first = new_store()
    await first.open()
    ids = await fill(first, 3)
    await first.mark(ANNA, Mark("read", ids=(ids[0],)))
    before = await audit(first, ANNA)
    await first.close()
    second = new_store()
    await second.open()
    assert await audit(second, ANNA) == before
    await second.close()


async def test_progress_tells_how_far_a_notification_is(store: Store) -> None:
    made = submission("anna", "ben")
    await store.publish(made)
    progress = await store.progress("acme", made.notification.id)
    assert progress is not None
    assert progress.notification == made.notification
    assert (progress.state, progress.total, progress.fanned_out) == ("done", 2, 2)


async def test_progress_is_hidden_from_other_tenants(store: Store) -> None:
    receipt = await store.publish(submission("anna"))
    assert await store.progress("bolt", receipt.id) is None
    assert await store.progress("acme", new_id()) is None


# The outlet


async def test_an_entry_is_announced_before_its_writer_is_answered(store: Store) -> None:
    store.outlet = recorder = Recorder()
    (id,) = await fill(store, 1)
    assert [entry.item for entry in recorder.entries[ANNA]] == [id]
    await store.mark(ANNA, Mark("read", ids=(id,)))
    assert recorder.entries[ANNA] == (await audit(store, ANNA)).log
    assert recorder.epochs == {(await head_of(store)).epoch}


async def test_entries_nobody_wants_are_not_handed_over(store: Store) -> None:
    store.outlet = recorder = Recorder(wanted=[ANNA])
    await store.publish(submission("anna", "ben"))
    await store.mark(stream_of("ben"), Mark("read", upto=1))
    assert list(recorder.entries) == [ANNA]


# Marks


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


async def publish_many(store: Store, n: int) -> list[str]:
    made = [submission("anna") for _ in range(n)]
    await asyncio.gather(*(store.publish(one) for one in made))
    return [item.id for item in reversed(await read_items(store, ANNA))]


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


# Reading


async def test_the_head_of_a_stream_never_written_is_zero_and_stays_so(store: Store) -> None:
    head = await head_of(store)
    assert (head.seq, head.counts) == (0, Counts())
    await fill(store, 1)
    assert (await head_of(store)).epoch == head.epoch


async def test_heads_come_in_the_order_asked(store: Store) -> None:
    await fill(store, 2, "ben")
    await fill(store, 1, "anna")
    streams = [stream_of("ben"), stream_of("nobody"), ANNA, *(stream_of(f"user-{i}") for i in range(997))]
    assert [head.seq for head in await store.heads(streams)] == [2, 0, 1, *[0] * 997]


async def test_pages_walk_through_all_items_newest_first(store: Store) -> None:
    ids = await fill(store, 7)
    await store.mark(ANNA, Mark("seen", upto=3))
    pages: list[list[str]] = []
    before: int | None = None
    while len(pages) < 3:
        page = await store.page(ANNA, limit=3, before=before)
        before = page.next
        pages.append([item.id for item in page.items])
    assert [id for page in pages for id in page] == ids[::-1]
    assert before is None


async def test_the_last_page_has_no_next_even_when_it_is_full(store: Store) -> None:
    await fill(store, 4)
    first = await store.page(ANNA, limit=2)
    assert first.next is not None
    assert (await store.page(ANNA, limit=2, before=first.next)).next is None


async def test_a_page_of_an_empty_inbox_is_empty(store: Store) -> None:
    page = await store.page(ANNA, limit=25)
    assert (page.items, page.next, page.head) == ((), None, await head_of(store))


@pytest.mark.parametrize(("before", "n"), [(0, 0), (1, 0), (-(2**80), 0), (2, 1), (2**80, 2)])
async def test_before_may_be_any_number(store: Store, before: int, n: int) -> None:
    await fill(store, 2)
    assert len((await store.page(ANNA, limit=25, before=before)).items) == n


@pytest.mark.parametrize(
    ("status", "shown"),
    [("inbox", [0, 1, 2]), ("unread", [0, 1]), ("unseen", [0]), ("archived", [3, 4]), ("all", [0, 1, 2, 3, 4])],
)
async def test_a_status_selects_items(store: Store, status: Status, shown: list[int]) -> None:
    ids = await fill(store, 6)
    await store.mark(ANNA, Mark("seen", ids=(ids[1],)))
    await store.mark(ANNA, Mark("read", ids=(ids[2],)))
    await store.mark(ANNA, Mark("archive", ids=(ids[3], ids[4])))
    await store.mark(ANNA, Mark("remove", ids=(ids[5],)))
    page = await store.page(ANNA, limit=25, status=status)
    assert {item.id for item in page.items} == {ids[i] for i in shown}


async def test_a_category_selects_items(store: Store) -> None:
    await fill(store, 2, category="news")
    (id,) = await fill(store, 1, category="bills")
    page = await store.page(ANNA, limit=25, category="bills")
    assert [item.id for item in page.items] == [id]
    assert (await store.page(ANNA, limit=25, category="none")).items == ()


async def test_a_filter_finds_what_lies_far_down(store: Store) -> None:
    ids = await publish_many(store, 700)
    await store.mark(ANNA, Mark("read", upto=10_000))
    await store.mark(ANNA, Mark("unread", ids=(ids[0], ids[1])))
    first = await store.page(ANNA, limit=1, status="unread")
    assert [item.id for item in first.items] == [ids[1]]
    last = await store.page(ANNA, limit=1, status="unread", before=first.next)
    assert ([item.id for item in last.items], last.next) == ([ids[0]], None)


async def test_changes_come_in_pages_that_say_whether_there_is_more(store: Store) -> None:
    await fill(store, 5)
    epoch = (await head_of(store)).epoch
    changes = await store.changes(ANNA, 1, epoch, 3)
    assert ([entry.seq for entry in changes.entries], changes.more) == ([2, 3, 4], True)
    rest = await store.changes(ANNA, 4, epoch, 3)
    assert ([entry.seq for entry in rest.entries], rest.more) == ([5], False)
    assert (await store.changes(ANNA, 5, epoch, 3)).entries == ()


@pytest.mark.parametrize(("since", "epoch"), [(0, "other.0"), (3, None), (-1, None), (2**80, None)])
async def test_a_cursor_that_cannot_be_is_a_reset(store: Store, since: int, epoch: str | None) -> None:
    await fill(store, 2)
    with pytest.raises(StreamReset, match="expected"):
        await store.changes(ANNA, since, epoch or (await head_of(store)).epoch, 10)


async def test_streams_of_other_users_and_tenants_are_not_touched(store: Store) -> None:
    await fill(store, 1)
    for stream in (stream_of("ben"), stream_of("anna", tenant="bolt")):
        assert (await head_of(store, stream)).seq == 0
        assert (await store.page(stream, limit=25, status="all")).items == ()


async def test_the_highest_ack_is_kept(store: Store) -> None:
    await fill(store, 5)
    for seq in (3, 2):
        await store.ack({ANNA: seq})
    assert await store.acked(ANNA) == 3


async def test_an_ack_is_clamped_to_the_head(store: Store) -> None:
    await fill(store, 2)
    await store.ack({ANNA: 2**80, stream_of("nobody"): 7})
    assert await store.acked(ANNA) == 2
    assert await store.acked(stream_of("nobody")) == 0
    assert (await head_of(store, stream_of("nobody"))).seq == 0


# Upkeep


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


# Keys, clients, processes


async def test_a_secret_is_made_once_for_everybody(store: Store, new_store: Callable[[], Store]) -> None:
    made = await store.secret("bus")
    other = new_store()
    await other.open()
    assert await other.secret("bus") == made
    assert len(made) == 32
    assert await other.secret("tokens") != made
    await other.close()


async def test_a_client_is_found_by_its_id(store: Store) -> None:
    client = Client(new_token(), "acme", "shop", ("notifications:write", "users"), b"\x01" * 32, now_ms())
    await store.add_client(client)
    assert await store.client(client.id) == client
    assert await store.client("nobody") is None


async def test_a_process_is_listed_from_its_first_beat_until_it_leaves(store: Store) -> None:
    process = Process("p1", "serve", "host", now_ms(), 0, 4711)
    for _ in range(2):
        await store.beat(process)
    (found,) = await store.processes()
    assert found.beat_at >= process.started_at
    assert replace(found, beat_at=0, skew_ms=0) == process
    await store.leave("p1")
    assert await store.processes() == []


async def test_an_open_store_answers_a_ping(store: Store) -> None:
    await store.ping()
