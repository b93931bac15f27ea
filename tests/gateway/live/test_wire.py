import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from gateway.live import wire
from inbox.model import Counts, Head, Mark, Marked

MARK = wire.MarkItems(Mark("read", ("a", "b")), "c1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"t":"hello","token":"x"}', wire.Hello("x")),
        ('{"t":"hello","token":"x","sdk":"js/1.0","new":[{}]}', wire.Hello("x")),
        (
            '{"t":"hello","token":"x","cursor":{"epoch":"e","seq":0},"visible":false}',
            wire.Hello("x", wire.Place("e", 0), False),
        ),
        ('{"t":"ack","seq":21}', wire.Ack(21)),
        ('{"t":"visible","on":false}', wire.Visible(False)),
        ('{"t":"refresh","token":"x","op":"c1"}', wire.Refresh("x", "c1")),
        ('{"t":"pong"}', wire.Pong()),
        ('{"t":"read","ids":["a","b","a"],"op":"c1","extra":1}', MARK),
        ('{"t":"seen","upto":3,"epoch":"e"}', wire.MarkItems(Mark("seen", None, 3, "e"), None)),
    ],
)
def test_a_message_is_read(text: str, message: wire.Message) -> None:
    assert wire.read_message(text) == message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "[]",
        "1",
        "null",
        "{}",
        '{"t":1}',
        '{"t":null}',
        '{"t":"ack"',
        '{"t":"ack","seq":1}x',
        "[" * 9_999,
    ],
)
def test_what_is_not_a_message_is_a_bad_frame(text: str) -> None:
    with pytest.raises(wire.BadFrame):
        wire.read_message(text)


@pytest.mark.parametrize(
    ("text", "op", "code", "field"),
    [
        ('{"t":"shout","op":"c1"}', "c1", "unknown_type", "t"),
        ('{"t":"sub","op":"c1"}', "c1", "invalid", "topic"),
        ('{"t":"unsub","topic":"a b","op":"c1"}', "c1", "invalid", "topic"),
        ('{"t":"","op":7}', None, "unknown_type", "t"),
        ('{"t":"read","op":"c1"}', "c1", "invalid", "ids"),
        ('{"t":"read","ids":[],"op":"c1"}', "c1", "invalid", "ids"),
        ('{"t":"read","ids":[1],"op":"c1"}', "c1", "invalid", "ids[0]"),
        ('{"t":"read","ids":{"$gt":""},"op":"c1"}', "c1", "invalid", "ids"),
        ('{"t":"read","ids":["a"],"upto":1,"epoch":"e","op":"c1"}', "c1", "invalid", "ids"),
        ('{"t":"read","upto":1,"op":"c1"}', "c1", "invalid", "epoch"),
        ('{"t":"read","upto":-1,"epoch":"e","op":"c1"}', "c1", "invalid", "upto"),
        ('{"t":"read","ids":["a"],"op":"' + "x" * 65 + '"}', None, "invalid", "op"),
        ('{"t":"ack","seq":-1}', None, "invalid", "seq"),
        ('{"t":"ack","seq":1e300}', None, "invalid", "seq"),
        ('{"t":"ack","seq":99999999999999999999}', None, "invalid", "seq"),
        ('{"t":"ack"}', None, "invalid", "seq"),
        ('{"t":"visible","on":"yes"}', None, "invalid", "on"),
        ('{"t":"hello","token":"x","cursor":{"epoch":"e","seq":-1}}', None, "invalid", "cursor.seq"),
    ],
)
def test_a_message_that_does_not_fit_is_refused_by_field(text: str, op: str | None, code: str, field: str) -> None:
    with pytest.raises(wire.Refused) as refused:
        wire.read_message(text)
    assert (refused.value.op, refused.value.code) == (op, code)
    assert field in str(refused.value)


def test_at_most_500_ids_fit_a_mark() -> None:
    def read(count: int) -> wire.Message:
        return wire.read_message(json.dumps({"t": "read", "ids": [str(number) for number in range(count)]}))

    assert isinstance(read(500), wire.MarkItems)
    with pytest.raises(wire.Refused, match="ids"):
        read(501)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda inner: st.lists(inner)))
def test_nothing_else_is_raised_whatever_the_fields_hold(value: Any) -> None:
    for t in ("hello", "ack", "read", "refresh", "visible", "pong", value):
        text = json.dumps({"t": t, "token": value, "cursor": value, "seq": value, "ids": value, "op": value})
        with suppress(wire.BadFrame, wire.Refused):
            wire.read_message(text)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_text_frames_are_what_the_library_would_send(size: int) -> None:
    payload = b"x" * size
    assert wire.text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_a_close_reason_is_cut_to_what_a_control_frame_holds() -> None:
    frame = wire.close_frame(4001, "é" * 500)
    assert len(frame) == 2 + 125
    assert frame[2:4] == (4001).to_bytes(2, "big")


def test_a_resumed_welcome_holds_the_very_bytes_of_the_entries() -> None:
    entries = [b'{"t":"entry","seq": 1}', b'{"t":"entry","seq": 2}']
    welcome = wire.Greeting("s1", "ann", 25.0).resumed(Head("e", 2, Counts(1, 2)), entries)
    assert b",".join(entries) in welcome
    assert json.loads(welcome) == {
        "t": "welcome",
        "session": "s1",
        "user": "ann",
        "epoch": "e",
        "seq": 2,
        "counts": {"unread": 1, "unseen": 2},
        "heartbeat": 25,
        "resumed": True,
        "entries": [{"t": "entry", "seq": 1}, {"t": "entry", "seq": 2}],
    }


def test_a_snapshot_names_the_next_page() -> None:
    greeting = wire.Greeting("s1", "ann", 25.0)
    last = json.loads(greeting.snapshot(Head("e", 2), b"[]", b"null"))
    more = json.loads(greeting.snapshot(Head("e", 2), b"[]", b'"x"'))
    assert (last["resumed"], last["items"], last["next"]) == (False, [], None)
    assert more["next"] == "x"


def test_a_reply_names_what_is_missing_only_if_something_is() -> None:
    assert json.loads(wire.marked_reply("c1", Marked(Head("e", 3)))) == {"t": "reply", "op": "c1", "seq": 3}
    assert json.loads(wire.marked_reply("c1", Marked(Head("e", 3), missing=("x",))))["missing"] == ["x"]


def test_an_error_without_op_has_none() -> None:
    error = json.loads(wire.error(None, "invalid", "no", False))
    assert error == {"t": "error", "code": "invalid", "message": "no", "temporary": False}


def test_bye_speaks_in_milliseconds() -> None:
    assert json.loads(wire.bye(4001, 1.2, 8)) == {"t": "bye", "code": 4001, "after": 1200, "spread": 8000}
