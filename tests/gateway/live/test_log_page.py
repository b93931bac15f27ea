"""How much of a log is worth reading for clients that take so many bytes at once."""

import pytest

from gateway.live.log_page import LogPage
from inbox.encode import entry_json
from inbox.model import Changes, Counts, Cursor, Entry, Head
from tests.samples import stream_of

ANN = stream_of("ann")
HEAD = Head("e1", 900)


def page_of(count: int, ids: int, more: bool = True) -> LogPage:
    entries = (Entry(seq, "read", 0, Counts(), ids=("x" * 99,) * ids) for seq in range(101, 101 + count))
    return LogPage(ANN, 100, Changes(HEAD, tuple(entries), more))


def test_large_entries_fill_a_client_and_no_more_of_them_are_read() -> None:
    assert page_of(31, ids=200).lacks(500, 256_000) == 0


def test_of_entries_between_as_many_are_read_as_fill_a_client() -> None:
    page = page_of(31, ids=20)
    (size, *others) = {len(entry_json(entry)) for entry in page.changes.entries}
    assert not others
    filled = 31 + page.lacks(500, 256_000)
    assert (filled - 1) * size <= 256_000 < filled * size


@pytest.mark.parametrize(("more", "lacks"), [(True, 469), (False, 0)])
def test_small_entries_are_read_up_to_the_most_or_the_end_of_the_log(more: bool, lacks: int) -> None:
    assert page_of(31, ids=1, more=more).lacks(500, 256_000) == lacks


def test_a_page_goes_on_where_it_ends() -> None:
    page = page_of(31, ids=1)
    assert page.end() == (ANN, Cursor("e1", 131))
    further = Entry(132, "read", 0, Counts(), ids=("x",))
    page.extend(Changes(Head("e1", 901), (further,), more=False))
    assert [seq for seq, _ in page.encoded()] == list(range(101, 133))
    assert (page.changes.head.seq, page.changes.more) == (901, False)
