"""How ``bellwire listen`` shows messages to people."""

import orjson
import pytest

from gateway.client import Message
from gateway.commands.listen import line_of
from inbox.errors import BellwireError

AT = "2026-11-21T08:00:01.000Z"
COUNTS = {"unread": 3, "unseen": 1}


def line(t: str, **members: object) -> str:
    return line_of(Message(t, 1, orjson.dumps({"t": t, "seq": 1, "counts": COUNTS, **members})))


def test_a_welcome_says_whose_inbox_it_is_and_how_much_is_unread() -> None:
    assert line("welcome", user="alice").startswith("Listening to alice: 3 unread.")


def test_a_created_entry_shows_its_title_and_the_count() -> None:
    words = line("entry", kind="created", at=AT, item={"title": "Ada replied"}).split()
    assert words[1:] == ["created", "Ada", "replied", "3", "unread"]


def test_a_removal_says_why() -> None:
    assert "1 item (expired)" in line("entry", kind="removed", at=AT, ids=["a"], reason="expired")


def test_a_signal_shows_its_topic_and_what_it_says() -> None:
    assert line("signal", topic="room:7", data={"typing": "ada"}).endswith('signal      room:7 {"typing":"ada"}')


@pytest.mark.parametrize(("ids", "subject"), [(["a"], "1 item "), (["a", "b"], "2 items ")])
def test_a_mark_shows_how_many_items_changed(ids: list[str], subject: str) -> None:
    assert subject in line("entry", kind="read", at=AT, ids=ids)


def test_a_mark_of_very_many_items_is_shown_too() -> None:
    assert "every item" in line("entry", kind="read", at=AT, upto=9_000)


def test_a_title_cannot_steer_the_terminal() -> None:
    shown = line("entry", kind="created", at=AT, item={"title": "\x1b[2J\x07gone\nsecond\u202eline"})
    assert shown.isprintable()
    assert "gone" in shown


@pytest.mark.parametrize("members", [{"counts": 7}, {"kind": "created", "at": "yesterday"}, {"item": {}}])
def test_what_no_server_of_ours_says_is_an_error_not_a_crash(members: dict[str, object]) -> None:
    with pytest.raises(BellwireError, match="does not speak"):
        line("entry", **members)
