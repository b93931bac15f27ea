"""What an item shows when another notification took it over."""

import json

from inbox.collapse import ACTORS_MAX, newest_actors


def actors(*names: str) -> bytes:
    return json.dumps([{"name": name} for name in names]).encode()


def names(merged: bytes) -> list[str]:
    return [actor["name"] for actor in json.loads(merged)]


def test_the_newest_actor_comes_first() -> None:
    assert names(newest_actors(actors("Ana"), actors("Ben", "Carl"))) == ["Ana", "Ben", "Carl"]


def test_an_actor_is_named_once_and_moves_to_the_front() -> None:
    assert names(newest_actors(actors("Carl"), actors("Ana", "Ben", "Carl"))) == ["Carl", "Ana", "Ben"]


def test_actors_are_the_same_by_their_id_whatever_their_names() -> None:
    newest = b'[{"id":"u1","name":"Ana B."}]'
    earlier = b'[{"id":"u1","name":"Ana"},{"id":"u2","name":"Ana"}]'
    assert names(newest_actors(newest, earlier)) == ["Ana B.", "Ana"]


def test_so_many_are_kept_and_no_more() -> None:
    many = actors(*(f"a{n}" for n in range(ACTORS_MAX)))
    assert names(newest_actors(actors("new"), many)) == ["new", *(f"a{n}" for n in range(ACTORS_MAX - 1))]


def test_a_notification_without_an_actor_leaves_the_earlier_ones() -> None:
    assert names(newest_actors(b"[]", actors("Ana"))) == ["Ana"]
