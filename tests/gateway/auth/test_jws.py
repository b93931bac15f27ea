"""Tokens are taken apart here and not by PyJWT: both accept the same, but for what is refused on purpose."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import jwt
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.jws import open_token, take_apart
from gateway.auth.keys import Key, public_key, secret_key
from inbox.errors import Unauthorized
from tests.gateway.auth.keyring import EC, ED, RSA, SECRET_BYTES, claims, encode, forge, pem, private_key, token

HS = "HS256"
ALGORITHMS = [HS, RSA, EC, ED]
CLAIMS = msgspec.json.Decoder(dict[str, Any])
TOKENS = {algorithm: token(algorithm, kid="a", name="é" * 40) for algorithm in ALGORITHMS}


def key(algorithm: str) -> Key:
    return secret_key(SECRET_BYTES) if algorithm == HS else public_key(private_key(algorithm).public_key())


KEYS = {algorithm: key(algorithm) for algorithm in ALGORITHMS}


def opened(algorithm: str, given: str) -> Any:
    """The claims, or ``None`` for a token that is refused."""
    try:
        return open_token(take_apart(given), [KEYS[algorithm]], CLAIMS)
    except Unauthorized:
        return None


def opened_by_pyjwt(algorithm: str, given: str) -> Any:
    verifying = SECRET_BYTES if algorithm == HS else pem(algorithm)
    try:
        return json.loads(jwt.PyJWS().decode(given, verifying, algorithms=[algorithm]))
    except (jwt.PyJWTError, ValueError):
        return None


def is_refused_on_purpose(given: str) -> bool:
    """PyJWT takes padding, which some issuers add; an extension it knows; a ``typ`` that is not text."""
    header = json.loads(urlsafe_b64decode(given.partition(".")[0] + "=="))
    return "=" in given or "crit" in header or not isinstance(header.get("typ", ""), str | None)


def agree(algorithm: str, given: str) -> None:
    ours, theirs = opened(algorithm, given), opened_by_pyjwt(algorithm, given)
    assert ours == theirs or (ours is None and is_refused_on_purpose(given))


CHARACTERS = st.sampled_from("AQgwEz09-_+/=.% \t\n\0é\ud800") | st.characters()
SLICES = st.tuples(st.integers(0), st.integers(0, 2), st.text(CHARACTERS, max_size=2))


def changed(given: str, at: int, less: int, more: str) -> str:
    """``given`` with ``more`` in place of ``less`` characters; counted from its end, where the odd bits are."""
    place = len(given) - at % (len(given) + 1)
    return given[:place] + more + given[place + less :]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_good_token_opens_as_it_does_in_pyjwt(algorithm: str) -> None:
    found = opened(algorithm, TOKENS[algorithm])

    assert found["sub"] == "alice"
    assert found == opened_by_pyjwt(algorithm, TOKENS[algorithm])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(changes=st.lists(SLICES, min_size=1, max_size=3))
def test_a_token_with_other_characters_opens_here_if_it_opens_in_pyjwt(
    algorithm: str, changes: list[tuple[int, int, str]]
) -> None:
    mutated = TOKENS[algorithm]
    for change in changes:
        mutated = changed(mutated, *change)
    agree(algorithm, mutated)


VALUES: list[Any] = [None, True, False, 0, 1, "", "a", "b64", "none", "JWT", [], ["b64"], ["exp"], {}, *ALGORITHMS]
FIELDS = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "x5u", "Alg"]), st.sampled_from(VALUES))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(fields=FIELDS)
def test_a_signed_header_is_taken_here_if_it_is_in_pyjwt(algorithm: str, fields: dict[str, Any]) -> None:
    signer = SECRET_BYTES if algorithm == HS else private_key(algorithm)
    agree(algorithm, forge({"alg": algorithm} | fields, claims(), signer, algorithm))


HEADER = b'{"alg":"HS256","typ":"JWT","kid":"a","x":["y",1.5,{"b64":false}],"b64":true}'
SNIPPETS = st.sampled_from(
    [b'"', b"\\", b"{", b"]", b",", b":", b"null", b"01", b"1e999", b'"b64":false,', b'"kid":null,']
)


@given(at=st.integers(0), less=st.integers(0, 6), more=st.binary(max_size=2) | SNIPPETS)
def test_a_signed_header_that_is_not_json_to_pyjwt_is_none_here(at: int, less: int, more: bytes) -> None:
    place = at % (len(HEADER) + 1)
    given = forge(HEADER[:place] + more + HEADER[place + less :], claims())
    # The other way about there is more to refuse: NaN, half a surrogate, UTF-16.
    assert opened(HS, given) in (None, opened_by_pyjwt(HS, given))


HEAD, PAYLOAD, SIGNATURE = TOKENS[HS].split(".")
OTHERWISE: dict[str, str] = {
    "padded": f"{HEAD}.{PAYLOAD}.{SIGNATURE}=",
    "padded too far": f"{HEAD}.{PAYLOAD}.{SIGNATURE}==",
    "a line end behind": TOKENS[HS] + "\n",
    "a space before": " " + TOKENS[HS],
    "a space within": f"{HEAD}.{PAYLOAD}. {SIGNATURE}",
    "a character of no alphabet": f"{HEAD}.{PAYLOAD}.{SIGNATURE}!",
    "bits left over": f"{HEAD}.{PAYLOAD}.{SIGNATURE[:-1]}{chr(ord(SIGNATURE[-1]) + 1)}",
    "a fourth part": f"{TOKENS[HS]}.",
    "a part more before": f".{TOKENS[HS]}",
    "two parts that are signed": f"{HEAD}.{encode(jwt.get_algorithm_by_name(HS).sign(HEAD.encode(), SECRET_BYTES))}",
}


@pytest.mark.parametrize("how", OTHERWISE)
def test_a_good_token_written_in_another_way_is_refused(how: str) -> None:
    with pytest.raises(Unauthorized, match="expected a JSON Web Token"):
        take_apart(OTHERWISE[how])


@pytest.mark.parametrize("length", range(7))
def test_each_length_of_a_payload_is_decoded(length: int) -> None:
    payload = bytes(range(249, 256))[:length]
    assert take_apart(forge({"alg": HS}, payload)).payload == payload


@pytest.mark.parametrize("said", ALGORITHMS)
def test_a_key_is_not_tried_for_another_algorithm_than_its_own(said: str) -> None:
    others = [each for name, each in KEYS.items() if name != said]
    with pytest.raises(Unauthorized, match="signature"):
        open_token(take_apart(TOKENS[said]), others, CLAIMS)
