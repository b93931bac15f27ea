"""Tokens made with the store's own keys, for whoever may open it: beside a running server, or without one."""

from collections.abc import Sequence
from functools import partial

from gateway.auth.access import AccessTokens
from gateway.auth.clients import CLI_CLIENT
from gateway.auth.keyring import TOKEN_KEYS, KeyRing
from gateway.auth.tokens import mint_user
from gateway.commands.opener import opened
from gateway.settings import LIMITS, Settings
from inbox.errors import Invalid
from inbox.ids import NAME_RULE, is_name
from inbox.registered import Client
from inbox.store.base import Store
from inbox.times import now_ms


async def user_token(
    settings: Settings, user: str, ttl_s: int = LIMITS.user_token_ttl_s, topics: Sequence[str] = ()
) -> str:
    """A token that opens the inbox of ``user`` for ``ttl_s`` seconds, and the live channels that ``topics`` grant.

    :raises Invalid: not a user's id, or not a topic's.
    """
    for field, name in (("user", user), *(("topic", topic) for topic in topics)):
        if not is_name(name):
            raise Invalid.field(field, NAME_RULE)
    async with opened(settings) as store:
        return mint_user(await _ring(store), settings, settings.tenant, user, ttl_s, topics).token


async def access_token(settings: Settings, *scopes: str) -> str:
    """A backend's token for the command line itself."""
    cli = Client(CLI_CLIENT, settings.tenant, CLI_CLIENT, scopes, (), now_ms())
    async with opened(settings) as store:
        return AccessTokens(await _ring(store)).mint(cli, scopes)


async def _ring(store: Store) -> KeyRing:
    ring = KeyRing(partial(store.keys, TOKEN_KEYS))
    await ring.load()
    return ring
