"""Signed tokens as bytes: which key may have signed, did it, and what is inside."""

from base64 import urlsafe_b64decode
from collections.abc import Iterable
from typing import Any, TypeVar

import jwt
import msgspec
from msgspec import Struct

from gateway.auth.keys import Key
from gateway.settings import LIMITS
from inbox.errors import Unauthorized

Claims = TypeVar("Claims")

_jws = jwt.PyJWS(algorithms=["HS256", "RS256", "ES256", "EdDSA"])


class Header(Struct, frozen=True):
    """What a token says of itself. Nobody has verified it: fit to select a key, nothing else."""

    kid: str | None = None
    typ: str | None = None
    crit: Any = None


_HEADER = msgspec.json.Decoder(Header)


def header_of(token: str) -> Header:
    """The header of ``token``.

    :raises Unauthorized: not a token, too long, or it demands an extension.
    """
    if len(token) > LIMITS.token_bytes:
        raise Unauthorized(f"expected a token of at most {LIMITS.token_bytes} bytes")
    try:
        header = _HEADER.decode(urlsafe_b64decode(token.partition(".")[0] + "=="))
    except (ValueError, RecursionError):
        raise Unauthorized("expected a JSON Web Token") from None
    if header.crit is not None:
        raise Unauthorized("expected a token without critical extensions")
    return header


def open_token(token: str, keys: Iterable[Key], decoder: "msgspec.json.Decoder[Claims]") -> Claims:
    """The claims of ``token`` if one of ``keys`` signed it with that key's own algorithm.

    :raises Unauthorized: none did, or the claims are not of the form expected.
    """
    for key in keys:
        try:
            payload = _jws.decode(token, key.material, algorithms=[key.algorithm])
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        return _decoded(payload, decoder)
    raise Unauthorized("the token's signature does not verify with any key it may be signed with")


def _decoded(payload: bytes, decoder: "msgspec.json.Decoder[Claims]") -> Claims:
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise Unauthorized(f"the token's claims do not fit: {error}") from None
    except (ValueError, RecursionError):
        raise Unauthorized("the token's claims are not JSON") from None
