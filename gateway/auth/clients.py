"""Backends: their credentials, the access tokens they get for them, and what those allow."""

import secrets
import time
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest

import msgspec
from cachetools import LRUCache
from msgspec import Struct

from gateway.auth.jws import OWN_KEY_ID, header_of, open_token, sign
from gateway.auth.keys import Key
from gateway.auth.tokens import check_times
from gateway.settings import LIMITS
from inbox.errors import FieldError, Forbidden, Invalid, Unauthorized
from inbox.ids import NAME_RULE, is_name, new_token
from inbox.model import Client, ClientSecret
from inbox.store.base import Store
from inbox.times import now_ms

SCOPES = ("notifications:write", "notifications:read", "users", "topics", "admin")

ACCESS_TYP = "at+jwt"
ACCESS_AUDIENCE = "bellwire:api"

_REMEMBERED = 1_024

# Compared when the id is unknown, so that an unknown client takes as long as a wrong secret.
_NOBODY = bytes(32)


class Access(Struct, frozen=True):
    """What a verified access token allows: the backend ``client`` acts for ``tenant`` within ``scopes``."""

    tenant: str
    client: str
    scopes: frozenset[str]
    expires_at: float

    def require(self, scope: str) -> None:
        """:raises Forbidden: the token was not given ``scope``."""
        if scope not in self.scopes:
            raise Forbidden(scope)


class _Claims(Struct, frozen=True):
    sub: str
    tenant: str
    scope: str
    aud: str
    exp: float


_CLAIMS = msgspec.json.Decoder(_Claims)


def new_client(tenant: str, name: str, scopes: Iterable[str]) -> tuple[Client, str]:
    """A new backend client and its secret, which is not kept: show it once.

    :raises Invalid: a malformed tenant or name, no scope, or one we do not have.
    """
    wanted = tuple(dict.fromkeys(scopes))
    errors = [FieldError("scope", f"{scope}: expected one of {', '.join(SCOPES)}") for scope in set(wanted) - {*SCOPES}]
    errors += [FieldError(field, NAME_RULE) for field, it in (("tenant", tenant), ("name", name)) if not is_name(it)]
    if errors or not wanted:
        raise Invalid(*errors or [FieldError("scope", f"expected at least one of {', '.join(SCOPES)}")])
    secret = secrets.token_urlsafe(32)
    kept = ClientSecret(sha256(secret.encode()).digest(), now_ms())
    return Client(f"client-{new_token()}", tenant, name, wanted, (kept,), now_ms()), secret


async def authenticate(store: Store, id: str, secret: str) -> Client:
    """The client whose credentials these are.

    :raises Unauthorized: there is none.
    """
    client = await store.client(id) if is_name(id) else None
    expected = _NOBODY if client is None else client.secrets[0].hash
    if not compare_digest(sha256(secret.encode()).digest(), expected) or client is None:
        raise Unauthorized("unknown client or wrong secret")
    return client


class AccessTokens:
    """Mints and verifies access tokens. ``key`` is the store's secret ``tokens``.

    A backend sends the same token with every request of 15 minutes, and checking its signature costs a fifth of a
    publish: what verified is remembered by the token's SHA-256, and only its times are checked again.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._keys = (Key("HS256", key, OWN_KEY_ID),)
        self._verified: LRUCache[bytes, Access] = LRUCache(_REMEMBERED)

    def mint(self, client: Client, scopes: Iterable[str]) -> str:
        ends = int(time.time()) + LIMITS.access_token_ttl_s
        claims = _Claims(client.id, client.tenant, " ".join(scopes), ACCESS_AUDIENCE, ends)
        return sign(self._key, ACCESS_TYP, claims)

    def verify(self, token: str) -> Access:
        """What ``token`` allows.

        :raises Unauthorized: it does not verify (``TokenExpired``: it did until its time was over).
        """
        digest = sha256(token.encode()).digest()
        access = self._verified.get(digest)
        if access is None:
            access = self._verified[digest] = self._open(token)
        check_times(access.expires_at)
        return access

    def _open(self, token: str) -> Access:
        header = header_of(token)
        if header.typ != ACCESS_TYP or header.kid != OWN_KEY_ID:
            raise Unauthorized("expected an access token from /oauth/token")
        claims = open_token(token, self._keys, _CLAIMS)
        if claims.aud != ACCESS_AUDIENCE:
            raise Unauthorized("the token is for another audience")
        return Access(claims.tenant, claims.sub, frozenset(claims.scope.split()), claims.exp)
