"""The grammar of ids and the keys derived from them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.ids import CATEGORY_PATTERN, is_name, item_id, new_id, notification_of, stream_key

NAMES = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=1, max_size=128).filter(is_name)


@pytest.mark.parametrize("name", ["a", "A", "user@example.com", "x" * 128, "{$gt}", "a:b", "*", "[a-z]", "~"])
def test_printable_ascii_names_an_id(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "x" * 129, "a b", "a/b", "50%", 'say"', "a<b", "a>b", "a\\b", "a\n", "\n", "a\0", "\u0430", "a\x7f"],
)
def test_anything_else_does_not(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(("name", "good"), [("a.b_c-1", True), ("A", False), ("", False), ("x" * 65, False)])
def test_a_category_is_lower_case_and_short(name: str, good: bool) -> None:
    assert (re.match(CATEGORY_PATTERN, name) is not None) is good


@given(NAMES, NAMES, NAMES, NAMES)
def test_two_users_never_share_a_stream(tenant: str, user: str, other_tenant: str, other: str) -> None:
    same = (tenant, user) == (other_tenant, other)
    assert (stream_key(tenant, user) == stream_key(other_tenant, other)) is same


def test_new_ids_sort_by_time_and_do_not_repeat() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [i[:10] for i in ids] == sorted(i[:10] for i in ids)


def test_an_item_id_names_its_notification_only_in_its_own_inbox() -> None:
    notification = new_id()
    item = item_id("t/alice", notification)
    assert notification_of("t/alice", item) == notification
    assert notification_of("t/bob", item) is None


@pytest.mark.parametrize("item", ["", "-", "x", new_id(), new_id() + "-", "a" * 10_000, '{"$gt":""}'], ids=range(7))
def test_a_made_up_item_id_names_nothing(item: str) -> None:
    assert notification_of("t/alice", item) is None
