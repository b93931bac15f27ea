"""The opaque ``next``."""

import pytest

from gateway.http.paging import decode_before, encode_before
from inbox.errors import Invalid


@pytest.mark.parametrize("seq", [0, 1, 2**53, 2**63 - 1])
def test_a_number_comes_back_from_its_text(seq: int) -> None:
    assert decode_before(encode_before(seq)) == seq


@pytest.mark.parametrize(
    "text",
    ["", "25", "AQ==", "AgAAAAAAAAAB", "AQAAAAAAAAAB=", " AQAAAAAAAAAB", "AQ!AAAAAAAAAB", "é", encode_before(2**63)],
)
def test_a_text_that_we_did_not_make_is_refused_by_its_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode_before(text)
    assert [error.field for error in refused.value.errors] == ["before"]
