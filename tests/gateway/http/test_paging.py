"""The opaque ``next``."""

from base64 import urlsafe_b64encode

import orjson
import pytest

from gateway.http.paging import decode_before, decode_next, encode_next, next_json
from inbox.errors import Invalid

ALICE = "default/alice"


def encode_before(stream: str, seq: int) -> str:
    text: str = orjson.loads(next_json(stream, seq))
    return text


@pytest.mark.parametrize("seq", [0, 1, 2**53, 2**63 - 1])
def test_a_number_comes_back_from_its_text(seq: int) -> None:
    assert decode_before(ALICE, encode_before(ALICE, seq)) == seq


@pytest.mark.parametrize("place", ["", "a", "topic:7", "é", "x" * 300])
def test_a_place_comes_back_from_its_text(place: str) -> None:
    assert decode_next("topics", encode_next("topics", place), "after") == place


def test_a_text_is_safe_in_a_query() -> None:
    assert all(c.isalnum() or c in "-_" for n in range(100) for c in encode_next("topics", f"~~~{n}"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "25",
        "AQAAAAAAAAAB",
        "é",
        "AQ!AAAAAAAAAB",
        f"{encode_before(ALICE, 7)}=",
        f" {encode_before(ALICE, 7)}",
        encode_before(ALICE, 7)[:-1],
        encode_before("default/bob", 7),
        encode_before("other/alice", 7),
        encode_before(ALICE, 2**63),
        encode_before(ALICE, -1),
        encode_next(ALICE, ""),
        encode_next(ALICE, "x"),
        encode_next(ALICE, "٣"),
        urlsafe_b64encode(b"12345678\xff").decode(),
    ],
)
def test_a_text_that_we_did_not_make_for_this_list_is_refused_by_its_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode_before(ALICE, text)
    assert [error.field for error in refused.value.errors] == ["before"]
