"""Tokens and clients made straight in the store, for whoever may open it: beside a running server, or without one."""

from collections.abc import Iterable

from gateway.app import TOKENS_SECRET
from gateway.auth.clients import AccessTokens, new_client
from gateway.auth.tokens import mint_user
from gateway.commands.opener import opened
from gateway.settings import LIMITS, Settings
from inbox.errors import Invalid
from inbox.ids import NAME_RULE, is_name
from inbox.model import Client
from inbox.times import now_ms

CLI_CLIENT = "bellwire-cli"


async def user_token(settings: Settings, user: str, ttl_s: int = LIMITS.user_token_ttl_s) -> str:
    """A token that opens the inbox of ``user`` for ``ttl_s`` seconds.

    :raises Invalid: not a user's id.
    """
    if not is_name(user):
        raise Invalid.field("user", NAME_RULE)
    async with opened(settings) as store:
        return mint_user(await store.secret(TOKENS_SECRET), settings, settings.tenant, user, ttl_s).token


async def access_token(settings: Settings, *scopes: str) -> str:
    """A backend's token for the command line itself."""
    cli = Client(CLI_CLIENT, settings.tenant, CLI_CLIENT, scopes, (), now_ms())
    async with opened(settings) as store:
        return AccessTokens(await store.secret(TOKENS_SECRET)).mint(cli, scopes)


async def add_client(settings: Settings, name: str, scopes: Iterable[str]) -> tuple[Client, str]:
    """A new backend client, stored, and its secret.

    :raises Invalid: a malformed name, or a scope we do not have.
    """
    client, secret = new_client(settings.tenant, name, scopes)
    async with opened(settings) as store:
        await store.put_client(client)
    return client, secret
