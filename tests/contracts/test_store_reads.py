"""What every store promises to readers."""

import pytest

from inbox.errors import StreamReset
from inbox.model import Counts, Mark, Status
from inbox.store.base import Store
from tests.contracts.filling import ANNA, fill, head_of, publish_many
from tests.samples import stream_of

pytestmark = pytest.mark.anyio


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
