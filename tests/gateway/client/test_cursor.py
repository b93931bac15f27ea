"""The client's rule: seq <= cursor is dropped, cursor + 1 applied, anything beyond fetched."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.client.cursor import Follower
from inbox.model import Cursor


def test_an_entry_at_or_below_the_cursor_is_dropped() -> None:
    follower = Follower(Cursor("a.0", 7))
    assert [follower.judge(seq) for seq in (1, 6, 7)] == ["drop", "drop", "drop"]


def test_the_next_entry_is_applied_and_moves_the_cursor() -> None:
    follower = Follower(Cursor("a.0", 7))
    assert follower.judge(8) == "apply"
    follower.applied(8)
    assert follower.cursor == Cursor("a.0", 8)


def test_an_entry_beyond_the_next_needs_a_fetch() -> None:
    assert Follower(Cursor("a.0", 7)).judge(9) == "fetch"


def test_judging_moves_nothing() -> None:
    follower = Follower(Cursor("a.0", 7))
    follower.judge(8)
    assert follower.cursor == Cursor("a.0", 7)


def test_a_gap_never_moves_the_cursor() -> None:
    follower = Follower(Cursor("a.0", 7))
    follower.applied(9)
    assert follower.cursor == Cursor("a.0", 7)


def test_a_snapshot_sets_the_cursor_even_backwards() -> None:
    follower = Follower(Cursor("a.0", 7))
    follower.start("b.0", 3)
    assert follower.cursor == Cursor("b.0", 3)


def test_a_reset_forgets_the_cursor() -> None:
    follower = Follower(Cursor("a.0", 7))
    follower.reset()
    assert follower.cursor is None


@given(st.lists(st.integers(1, 30), max_size=200))
def test_whatever_comes_in_whatever_order_is_applied_once_and_densely(seqs: list[int]) -> None:
    follower, applied = Follower(), []
    follower.start("a.0", 0)
    for seq in seqs:
        if follower.judge(seq) == "apply":
            follower.applied(seq)
            applied.append(seq)
    assert applied == list(range(1, len(applied) + 1))
