"""Signed tokens as bytes: what they say of themselves, which key may have signed, did it, and what is inside.

``jwt.decode`` would do it in four times as long: it prepares the key and reads the header anew for each token. The
signature is PyJWT's to check (``Key.verifies``); what is around it is here, and a test holds both to the same answers.
"""

from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from gateway.auth.keys import Key
from gateway.settings import LIMITS
from inbox.errors import Unauthorized

Claims = TypeVar("Claims")

_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_TO_URL = bytes.maketrans(b"+/", b"-_")


class Unverified(Struct, frozen=True):
    """A token taken apart. Nobody has verified what it says: fit to select a key, nothing else."""

    algorithm: str
    kid: str | None
    typ: str | None
    signed: bytes
    payload: bytes
    signature: bytes


class _Header(Struct, frozen=True):
    alg: str
    kid: str | UnsetType = UNSET
    typ: str | None = None
    crit: Any = UNSET
    b64: Any = UNSET


_HEADER = msgspec.json.Decoder(_Header)


def take_apart(token: str) -> Unverified:
    """The parts of ``token``.

    :raises Unauthorized: not a token, too long, or it demands an extension.
    """
    if len(token) > LIMITS.token_bytes:
        raise Unauthorized(f"expected a token of at most {LIMITS.token_bytes} bytes")
    try:
        raw = token.encode("ascii")
        head, payload, signature = raw.split(b".", 3)
        # As text, so that what we pass over in it is UTF-8 too.
        header = _HEADER.decode(_bytes_of(head).decode())
        content, proof = _bytes_of(payload), _bytes_of(signature)
    except (ValueError, RecursionError):
        raise Unauthorized("expected a JSON Web Token") from None
    if header.crit is not UNSET or header.b64 is False:
        raise Unauthorized("expected a token without critical extensions")
    kid = header.kid if isinstance(header.kid, str) else None
    return Unverified(header.alg, kid, header.typ, raw[: -len(signature) - 1], content, proof)


def open_token(token: Unverified, keys: Iterable[Key], decoder: "msgspec.json.Decoder[Claims]") -> Claims:
    """The claims of ``token`` if one of ``keys`` signed it with that key's own algorithm.

    :raises Unauthorized: none did, or the claims are not of the form expected.
    """
    if not is_signed(token, keys):
        raise Unauthorized("the token's signature does not verify with any key it may be signed with")
    return _claims(token.payload, decoder)


def is_signed(token: Unverified, keys: Iterable[Key]) -> bool:
    """Whether one of ``keys`` signed ``token`` with that key's own algorithm."""
    # The token has to name the algorithm, and never chooses it.
    return any(token.algorithm == key.algorithm and key.verifies(token.signed, token.signature) for key in keys)


def _bytes_of(segment: bytes) -> bytes:
    """What ``segment`` encodes.

    :raises ValueError: it is not *the* base64url of anything: padded, with other characters, or bits left over.
    """
    decoded = a2b_base64(segment.translate(_TO_STANDARD) + b"==")
    # The decoder passes over what it does not know. What encodes to the same again had nothing of that kind.
    if b2a_base64(decoded, newline=False).rstrip(b"=").translate(_TO_URL) != segment:
        raise ValueError("not base64url")
    return decoded


def _claims(payload: bytes, decoder: "msgspec.json.Decoder[Claims]") -> Claims:
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise Unauthorized(f"the token's claims do not fit: {error}") from None
    except (ValueError, RecursionError):
        raise Unauthorized("the token's claims are not JSON") from None
