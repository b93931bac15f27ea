"""``bellwire key``: the keys that Bellwire signs its tokens with."""

import asyncio
from collections.abc import Sequence

import click
import orjson

from gateway.audit import audit
from gateway.auth.clients import CLI_CLIENT
from gateway.auth.keyring import KEEP_S, TOKEN_KEYS, honoured
from gateway.commands.opener import opened
from gateway.commands.options import STORE, with_settings
from gateway.settings import Settings
from inbox.registered import StoredKey
from inbox.times import now_ms, rfc3339


@click.group()
def key() -> None:
    """The keys that sign access tokens and the user tokens made here. They never leave the store."""


@key.command("rotate")
@with_settings(*STORE)
def rotate_key(settings: Settings) -> None:
    """Sign with a new key from now on. Tokens of the old one are good until they expire."""
    made = asyncio.run(_rotate(settings))
    audit("key rotate", "ok", tenant=settings.tenant, client=CLI_CLIENT, target=made.id)
    click.echo(made.id)


@key.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings(*STORE)
def list_keys(settings: Settings, as_json: bool) -> None:
    """Show the ids and ages of the keys whose tokens are accepted, the newest first."""
    kept = honoured(asyncio.run(_list(settings)), now_ms())
    if as_json:
        click.echo(orjson.dumps([{"id": each.id, "created_at": rfc3339(each.created_at)} for each in kept]))
        return
    for number, each in enumerate(kept):
        age_h = (now_ms() - each.created_at) / 3_600_000
        click.echo(f"{each.id}  {age_h:.1f} hours old{'' if number else ', signs'}")


async def _rotate(settings: Settings) -> StoredKey:
    async with opened(settings) as store:
        return await store.rotate(TOKEN_KEYS, KEEP_S)


async def _list(settings: Settings) -> Sequence[StoredKey]:
    async with opened(settings) as store:
        return await store.keys(TOKEN_KEYS)
