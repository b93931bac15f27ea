"""The public JSON of items and entries."""

import json

from inbox.encode import content_json, entry_json, head_members, item_json
from inbox.model import Counts, Entry, Head, Item, Notification

CONTENT = {"category": "orders", "title": 'Say "hi" é', "data": {"n": 1}}
NOTIFICATION = Notification("01abc", "acme", "orders", content_json(CONTENT), 1_700_000_000_123)


def test_an_item_shows_its_notification_and_its_own_state() -> None:
    assert json.loads(item_json(Item("01abc-x", 7, NOTIFICATION, seen_at=1_700_000_001_000))) == {
        "id": "01abc-x",
        "seq": 7,
        "notification": "01abc",
        **CONTENT,
        "actors": [],
        "collapsed": 0,
        "created_at": "2023-11-14T22:13:20.123Z",
        "seen_at": "2023-11-14T22:13:21.000Z",
        "read_at": None,
        "archived_at": None,
        "expires_at": None,
    }


def test_a_created_entry_carries_the_item_as_it_was_born() -> None:
    entry = Entry(7, "created", 1_700_000_000_200, Counts(3, 2), Item("01abc-x", 7, NOTIFICATION))
    said = json.loads(entry_json(entry))
    assert said.pop("item") == json.loads(item_json(Item("01abc-x", 7, NOTIFICATION)))
    assert said == {
        "t": "entry",
        "seq": 7,
        "kind": "created",
        "at": "2023-11-14T22:13:20.200Z",
        "counts": {"unread": 3, "unseen": 2},
    }


def test_an_item_that_was_taken_over_names_its_newest_actors() -> None:
    item = Item("01abc-x", 9, NOTIFICATION, collapsed=2, actors=b'[{"name":"Ana"}]')
    said = json.loads(item_json(item))
    assert (said["collapsed"], said["actors"]) == (2, [{"name": "Ana"}])


def test_an_erasure_says_nothing_but_the_counts() -> None:
    said = json.loads(entry_json(Entry(9, "erased", 0, Counts())))
    assert said == {
        "t": "entry",
        "seq": 9,
        "kind": "erased",
        "at": "1970-01-01T00:00:00.000Z",
        "counts": {"unread": 0, "unseen": 0},
    }


def test_a_mark_names_the_ids_that_changed() -> None:
    entry = Entry(8, "removed", 1_700_000_000_200, Counts(0, 0), ids=("a", "b"), reason="user")
    said = json.loads(entry_json(entry))
    assert (said["kind"], said["ids"], said["reason"]) == ("removed", ["a", "b"], "user")


def test_a_mark_of_very_many_says_upto_instead() -> None:
    said = json.loads(entry_json(Entry(900, "read", 0, Counts(0, 0), upto=899)))
    assert said["upto"] == 899
    assert "ids" not in said


def test_the_head_goes_into_a_larger_object() -> None:
    assert json.loads(b"{" + head_members(Head("g.0", 4, Counts(1, 2))) + b"}") == {
        "epoch": "g.0",
        "seq": 4,
        "counts": {"unread": 1, "unseen": 2},
    }
