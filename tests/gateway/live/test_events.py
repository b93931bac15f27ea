"""The event stream as bytes."""

import pytest

from gateway.live import events, wire
from inbox.model import Cursor


@pytest.mark.parametrize("size", [2, 125, 126, 65_535, 65_536])
def test_a_payload_comes_out_of_its_frame_as_it_went_in(size: int) -> None:
    payload = b"x" * size
    assert wire.payload_of(wire.text_frame(payload)) == payload


@pytest.mark.parametrize("cursor", [Cursor("k3f.0", 0), Cursor("a:b", 7), Cursor("k3f.12", (1 << 53) - 1)])
def test_an_id_says_where_to_go_on(cursor: Cursor) -> None:
    line = events.event_id(cursor).decode()
    assert events.cursor_of([line.removeprefix("id: ").removesuffix("\n")]) == cursor


@pytest.mark.parametrize("given", [[], [""], ["", ""]])
def test_no_id_and_an_empty_one_want_a_snapshot(given: list[str]) -> None:
    assert events.cursor_of(given) is None
