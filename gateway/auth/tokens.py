"""User tokens: the ones we mint, and the ones the operator's identity provider signs."""

import time
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from gateway.auth.jws import Unverified, is_signed, open_token, take_apart
from gateway.auth.keyring import OWN_KID, KeyRing
from gateway.auth.keys import Key, KeySource, configured_keys
from gateway.auth.revocations import Revocations
from gateway.settings import LIMITS, Settings
from inbox.errors import TokenExpired, Unauthorized
from inbox.ids import NAME_RULE, is_name, new_token
from inbox.times import now_ms

USER_TYP = "bellwire-user+jwt"
_FOREIGN_TYPS = ("jwt", "at+jwt")

# RFC 7519 NumericDate, up to the year 9999: what lies beyond overflows timers further on.
NumericDate = Annotated[float, Meta(ge=0, le=253_402_300_799)]


class UserClaims(Struct, frozen=True, gc=False):
    """Who a verified user token speaks for. ``topics`` are its grants.

    Times are in seconds since 1970; a token that does not say when it was issued counts as issued then.
    """

    tenant: str
    user: str
    expires_at: float
    jti: str | None = None
    topics: tuple[str, ...] = ()
    issued_at: float = 0.0


class Minted(Struct, frozen=True):
    """A token of ours and when it ends, in seconds since 1970."""

    token: str
    expires_at: int


class _Claims(Struct, frozen=True, omit_defaults=True):
    sub: str
    aud: str | list[str]
    exp: NumericDate
    iss: str | None = None
    nbf: NumericDate | None = None
    iat: NumericDate | None = None
    tenant: str | None = None
    jti: str | None = None
    topics: tuple[str, ...] = ()


_CLAIMS = msgspec.json.Decoder(_Claims)


def mint_user(
    ring: KeyRing,
    settings: Settings,
    tenant: str,
    user: str,
    ttl_s: int,
    topics: Sequence[str] = (),
    void_until: int = 0,
) -> Minted:
    """A token that opens the inbox of ``user`` for ``ttl_s`` seconds, and the live channels that ``topics`` grant.

    :param void_until: of this user's tokens those issued up to then (ms) are void, perhaps by a clock ahead of ours:
        this one is issued later.
    """
    issued_at = max(now_ms(), void_until + 1)
    ends = issued_at // 1_000 + ttl_s
    claims = _Claims(
        user,
        settings.jwt_audience,
        ends,
        iat=issued_at / 1_000,
        tenant=tenant,
        jti=new_token(),
        topics=tuple(topics),
    )
    return Minted(ring.sign(USER_TYP, claims), ends)


class UserTokens:
    """Verifies user tokens: ours always, and those signed with whatever the settings name; none that is revoked."""

    def __init__(
        self, ring: KeyRing, settings: Settings, jwks: KeySource | None = None, revocations: Revocations | None = None
    ) -> None:
        self._ring = ring
        self._revocations = revocations
        self._configured = configured_keys(settings)
        self._jwks = jwks
        self._settings = settings

    async def verify(self, token: str) -> UserClaims:
        """Who ``token`` speaks for.

        :raises Unauthorized: it does not verify (``TokenExpired``: it did until its time was over), or is revoked.
        :raises Unavailable: the key server does not answer, or the store where our own keys are.
        """
        given = take_apart(token)
        source = self._source(given)
        return self._opened(given, () if source is None else await source.find(given.kid))

    def verify_at_once(self, token: str) -> UserClaims | None:
        """What ``verify`` would answer or raise; ``None`` if it may have to ask somebody for the key."""
        given = take_apart(token)
        source = self._source(given)
        keys = () if source is None else source.at_hand(given.kid)
        return None if keys is None else self._opened(given, keys)

    def _source(self, token: Unverified) -> KeySource | None:
        """Who has the keys that ``token`` may be signed with, beside those in the settings; ``None`` if these will do.

        :raises Unauthorized: it is of a kind that is not for users.
        """
        if _is_ours(token):
            if token.typ != USER_TYP:
                raise Unauthorized("expected a user token, got a token of another kind")
            return self._ring
        if token.typ is not None and token.typ.lower() not in _FOREIGN_TYPS:
            raise Unauthorized("expected the token's typ to be absent, JWT or at+jwt")
        # What a key in the settings signed is good while the key server is away.
        return None if self._jwks is None or is_signed(token, self._configured) else self._jwks

    def _opened(self, token: Unverified, keys: tuple[Key, ...]) -> UserClaims:
        """Who ``token`` speaks for, if one of its source's ``keys`` signed it, or one in the settings."""
        if _is_ours(token):
            return self._checked(open_token(token, keys, _CLAIMS), issuer=None)
        return self._checked(open_token(token, self._configured + keys, _CLAIMS), self._settings.user_jwt_issuer)

    def _checked(self, claims: _Claims, issuer: str | None) -> UserClaims:
        check_times(claims.exp, claims.nbf, claims.iat)
        audience = self._settings.jwt_audience
        if audience not in ([claims.aud] if isinstance(claims.aud, str) else claims.aud):
            raise Unauthorized("the token is for another audience")
        if issuer is not None and claims.iss != issuer:
            raise Unauthorized("the token is from another issuer")
        tenant = self._settings.tenant if claims.tenant is None else claims.tenant
        if not is_name(claims.sub) or not is_name(tenant):
            raise Unauthorized(f"the token's sub and tenant: {NAME_RULE}")
        if self._revocations is not None:
            self._revocations.check(tenant, claims.sub, claims.jti, claims.iat or 0.0)
        return UserClaims(tenant, claims.sub, claims.exp, claims.jti, claims.topics, claims.iat or 0.0)


def _is_ours(token: Unverified) -> bool:
    """Whether it claims to be: then no key but ours is tried."""
    return token.kid is not None and token.kid.startswith(OWN_KID)


def check_times(exp: float, nbf: float | None = None, iat: float | None = None) -> None:
    """Refuse a token before or after its time, with the leeway that clocks need.

    :raises TokenExpired: its time is over.
    :raises Unauthorized: its time has not come.
    """
    now = time.time()
    if exp <= now - LIMITS.leeway_s:
        raise TokenExpired("the token has expired: get a new one")
    if max(nbf or 0, iat or 0) > now + LIMITS.leeway_s:
        raise Unauthorized("the token is not valid yet: check the clock of whoever signed it")
