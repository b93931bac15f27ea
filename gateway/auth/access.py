"""Access tokens: what a backend gets for its credentials, and what that allows."""

import time
from collections.abc import Iterable
from hashlib import sha256

import msgspec
from cachetools import LRUCache
from msgspec import Struct

from gateway.auth.jws import open_token, take_apart
from gateway.auth.keyring import OWN_KID, KeyRing
from gateway.auth.tokens import check_times
from gateway.settings import LIMITS
from inbox.errors import Forbidden, Unauthorized
from inbox.registered import Client

ACCESS_TYP = "at+jwt"
ACCESS_AUDIENCE = "bellwire:api"

_REMEMBERED = 1_024


class Access(Struct, frozen=True):
    """What a verified access token allows: the backend ``client`` acts for ``tenant`` within ``scopes``."""

    tenant: str
    client: str
    scopes: frozenset[str]
    expires_at: float

    def require(self, scope: str) -> None:
        """:raises TokenExpired: the token's time is over. :raises Forbidden: it was not given ``scope``."""
        check_times(self.expires_at)
        if scope not in self.scopes:
            raise Forbidden(scope)


class _Claims(Struct, frozen=True):
    sub: str
    tenant: str
    scope: str
    aud: str
    exp: float


_CLAIMS = msgspec.json.Decoder(_Claims)


class AccessTokens:
    """Mints and verifies access tokens.

    A backend sends the same token with every request of 15 minutes, and checking its signature costs a fifth of a
    publish: what verified is remembered by the token's SHA-256.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._verified: LRUCache[bytes, Access] = LRUCache(_REMEMBERED)

    def mint(self, client: Client, scopes: Iterable[str]) -> str:
        ends = int(time.time()) + LIMITS.access_token_ttl_s
        claims = _Claims(client.id, client.tenant, " ".join(scopes), ACCESS_AUDIENCE, ends)
        return self._ring.sign(ACCESS_TYP, claims)

    async def verify(self, token: str) -> Access:
        """What ``token`` allows, as long as its time lasts: ``Access.require`` looks at the clock.

        :raises Unauthorized: it does not verify.
        :raises Unavailable: it is signed with a key of ours that we do not know, and the store does not answer.
        """
        digest = sha256(token.encode()).digest()
        access = self._verified.get(digest)
        if access is None:
            access = self._verified[digest] = await self._open(token)
        return access

    async def _open(self, token: str) -> Access:
        given = take_apart(token)
        if given.typ != ACCESS_TYP or given.kid is None or not given.kid.startswith(OWN_KID):
            raise Unauthorized("expected an access token from /oauth/token")
        claims = open_token(given, await self._ring.find(given.kid), _CLAIMS)
        if claims.aud != ACCESS_AUDIENCE:
            raise Unauthorized("the token is for another audience")
        return Access(claims.tenant, claims.sub, frozenset(claims.scope.split()), claims.exp)
