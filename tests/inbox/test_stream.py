"""The arithmetic of a numbered stream, against a model that is too simple to be wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.errors import StreamReset
from inbox.model import Counts, Cursor, Head, MarkOp
from inbox.stream import ItemState, Reassembly, clamp_upto, is_reset, mark_all, marked, weight

OPS: list[MarkOp] = ["read", "unread", "seen", "archive", "unarchive", "remove"]
FRESH = ItemState("a")


def test_reading_also_sets_seen() -> None:
    assert marked("read", FRESH, 5) == ItemState("a", seen_at=5, read_at=5)


def test_reading_keeps_the_time_an_item_was_first_seen() -> None:
    assert marked("read", ItemState("a", seen_at=3), 5) == ItemState("a", seen_at=3, read_at=5)


def test_unread_clears_read_only() -> None:
    assert marked("unread", ItemState("a", seen_at=3, read_at=4), 5) == ItemState("a", seen_at=3)


@pytest.mark.parametrize("op", OPS)
def test_a_removed_item_never_changes_again(op: MarkOp) -> None:
    gone = ItemState("a", removed_at=1)
    assert marked(op, gone, 5) is gone


@pytest.mark.parametrize("op", OPS)
def test_a_mark_that_is_repeated_changes_nothing(op: MarkOp) -> None:
    once = marked(op, FRESH, 5)
    assert marked(op, once, 6) is once


def test_an_archived_item_counts_nowhere_even_unread() -> None:
    assert weight(ItemState("a", archived_at=1)) == Counts(0, 0)


@given(st.lists(st.tuples(st.sampled_from(OPS), st.sets(st.integers(0, 7))), max_size=30))
def test_counts_always_equal_what_the_items_say(steps: list[tuple[MarkOp, set[int]]]) -> None:
    items = [ItemState(str(i)) for i in range(8)]
    counts = Counts(8, 8)
    for at, (op, chosen) in enumerate(steps):
        changed, counts = mark_all(op, [items[i] for i in sorted(chosen)], counts, at)
        for state in changed:
            assert items[int(state.id)] != state, "an item is named only if it really changed"
            items[int(state.id)] = state
        assert _recount(items) == counts


def _recount(items: list[ItemState]) -> Counts:
    live = [i for i in items if i.archived_at is None and i.removed_at is None]
    return Counts(sum(i.read_at is None for i in live), sum(i.seen_at is None for i in live))


def test_upto_is_clamped_to_the_head() -> None:
    assert clamp_upto(90, "g.0", Head("g.0", 12)) == 12


def test_upto_of_another_epoch_is_a_reset() -> None:
    with pytest.raises(StreamReset, match=r"expected epoch g\.0, got g\.1"):
        clamp_upto(9, "g.1", Head("g.0", 12))


@pytest.mark.parametrize(
    ("cursor", "reset"),
    [
        (Cursor("g.0", 0), False),
        (Cursor("g.0", 12), False),
        (Cursor("g.0", 13), True),
        (Cursor("g.0", -1), True),
        (Cursor("g.1", 12), True),
    ],
)
def test_a_cursor_of_another_epoch_or_beyond_the_head_is_a_reset(cursor: Cursor, reset: bool) -> None:
    assert is_reset(cursor, Head("g.0", 12)) is reset


def test_a_reader_gets_the_page_and_then_what_came_live_meanwhile() -> None:
    stream: Reassembly[str] = Reassembly(limit=8)
    stream.keep(5, "live 5")
    stream.keep(4, "live 4")
    assert stream.run(1, [(2, "page 2"), (3, "page 3")]) == [
        (2, "page 2"),
        (3, "page 3"),
        (4, "live 4"),
        (5, "live 5"),
    ]


@given(
    head=st.integers(0, 30),
    after=st.integers(0, 30),
    page_end=st.integers(0, 30),
    live=st.lists(st.integers(1, 30), max_size=40),
    limit=st.integers(0, 12),
)
def test_what_a_reader_is_given_is_dense_in_order_and_never_invented(
    head: int, after: int, page_end: int, live: list[int], limit: int
) -> None:
    stream: Reassembly[int] = Reassembly(limit)
    arrived = [seq for seq in live if seq <= head]
    for seq in arrived:
        stream.keep(seq, seq)
    page = [(seq, seq) for seq in range(after + 1, min(page_end, head) + 1)]
    ready = stream.run(after, page)
    assert [seq for seq, _ in ready] == list(range(after + 1, after + 1 + len(ready)))
    assert all(seq == frame and seq <= head for seq, frame in ready)
    assert len(ready) >= len(page)
    assert stream.high == max(arrived, default=0), "a number that was let go is still known to be missing"
