import pytest

from gateway.auth.grants import allows


@pytest.mark.parametrize(
    ("grant", "topic"),
    [("news", "news"), ("room:*", "room:7"), ("room:*", "room:7:chat"), ("a:b:*", "a:b:c"), ("*", "*")],
)
def test_a_grant_allows_its_name_or_what_begins_with_its_prefix(grant: str, topic: str) -> None:
    assert allows([grant], topic)


@pytest.mark.parametrize(
    ("grant", "topic"),
    [
        ("news", "newsletter"),
        ("news", "News"),
        ("room:*", "room"),
        ("room:*", "rooms:7"),
        ("room:*", "my:room:7"),
        ("room*", "room7"),
        ("*", "news"),
        ("r:*:x", "r:1:x"),
    ],
)
def test_it_allows_nothing_else(grant: str, topic: str) -> None:
    assert not allows([grant], topic)


def test_one_grant_of_many_is_enough_and_none_allow_nothing() -> None:
    assert allows(["news", "room:*"], "room:7")
    assert not allows([], "news")
