"""Who is let in, and how often: what a process needs for that, made once."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from msgspec import Struct

from gateway.auth.access import AccessTokens
from gateway.auth.keyring import TOKEN_KEYS, KeyRing
from gateway.auth.revocations import Revocations
from gateway.auth.standing import Standings
from gateway.auth.tokens import UserTokens
from gateway.http.access import Gate
from gateway.http.limits import RequestLimits, limits_of_users
from gateway.rate import Rate
from gateway.settings import LIMITS, Settings
from inbox.store.base import Store


class Doors(Struct, frozen=True):
    """The gate, and what stands behind it."""

    ring: KeyRing
    access: AccessTokens
    users: UserTokens
    revocations: Revocations
    limits: RequestLimits
    user_limits: RequestLimits
    gate: Gate


@asynccontextmanager
async def doors(store: Store, settings: Settings) -> AsyncIterator[Doors]:
    """The doors of a process over ``store``; keys and revocations are kept up to date while the context is open.

    :raises ConfigError: a public key that does not parse.
    :raises Unavailable: the store does not answer.
    """
    async with AsyncExitStack() as stack:
        ring = await stack.enter_async_context(KeyRing(partial(store.keys, TOKEN_KEYS)))
        jwks = None
        if settings.user_jwks_url is not None:
            from gateway.auth.jwks import Jwks  # with an HTTP client, which nobody else here needs

            jwks = Jwks(settings.user_jwks_url)
            stack.push_async_callback(jwks.close)
        revocations = await stack.enter_async_context(Revocations(store))
        access, users = AccessTokens(ring), UserTokens(ring, settings, jwks, revocations)
        rate = Rate(settings.client_requests_per_s, settings.client_requests_burst)
        limits = RequestLimits("client", rate, LIMITS.client_concurrent_requests, LIMITS.clients_remembered)
        user_limits = limits_of_users()
        gate = Gate(access, users, Standings(store), limits, user_limits)
        yield Doors(ring, access, users, revocations, limits, user_limits, gate)
