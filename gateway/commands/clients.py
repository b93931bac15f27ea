"""``bellwire client``: the backends that may ask for access tokens."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import click
import orjson

from gateway.audit import audit
from gateway.auth.clients import CLI_CLIENT, is_live, new_client, revoked, rotated
from gateway.commands.opener import opened
from gateway.commands.options import STORE, with_settings
from gateway.settings import LIMITS, Settings
from inbox.errors import NotFound
from inbox.registered import Client
from inbox.store.base import Store
from inbox.times import rfc3339

json_option = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.group()
def client() -> None:
    """Backends that may ask for access tokens."""


@client.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="What it may do; give it once for each scope.")
@json_option
@with_settings(*STORE)
def create_client(settings: Settings, name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a client and print its secret, which is shown only now."""
    made, secret = new_client(settings.tenant, name, scopes)
    asyncio.run(_create(settings, made))
    _audit("create", made)
    _show(made, secret, as_json)


@client.command("list")
@json_option
@with_settings(*STORE)
def list_clients(settings: Settings, as_json: bool) -> None:
    """Show the tenant's clients, the oldest first. Their secrets cannot be shown: they are not stored."""
    rows = [_described(each) for each in asyncio.run(_list(settings))]
    if as_json:
        click.echo(orjson.dumps(rows))
        return
    for row in rows:
        state = "revoked" if row["revoked_at"] else f"{row['live_secrets']} live"
        click.echo(f"{row['client_id']:<20}  {row['name']:<20}  {state:<8}  {' '.join(row['scopes'])}")


@client.command("rotate")
@click.argument("id")
@click.option(
    "--grace",
    "grace_s",
    type=click.FloatRange(0),
    default=LIMITS.old_secret_s,
    show_default=True,
    help="Seconds the old secret lives on; 0 ends it now. Two live at most: one that is older ends now anyway.",
)
@json_option
@with_settings(*STORE)
def rotate_client(settings: Settings, id: str, grace_s: float, as_json: bool) -> None:
    """Give the client ID another secret and print it, which is shown only now."""
    made, secret = asyncio.run(_change(settings, id, partial(rotated, grace_s=grace_s)))
    _audit("rotate", made)
    _show(made, secret, as_json)


@client.command("revoke")
@click.argument("id")
@with_settings(*STORE)
def revoke_client(settings: Settings, id: str) -> None:
    """End the client ID: it gets no more access tokens, and those it has end within 10 seconds."""
    made, _ = asyncio.run(_change(settings, id, lambda was: (revoked(was), "")))
    _audit("revoke", made)
    click.echo(f"revoked {id}")


async def _create(settings: Settings, made: Client) -> None:
    async with opened(settings) as store:
        await store.put_client(made)


async def _list(settings: Settings) -> list[Client]:
    async with opened(settings) as store:
        return await store.clients(settings.tenant)


async def _change(settings: Settings, id: str, change: Callable[[Client], tuple[Client, str]]) -> tuple[Client, str]:
    """The client after ``change``, begun again if somebody else changed it: nobody takes a revocation back unseen."""
    async with opened(settings) as store:
        while True:
            was = await _find(store, settings, id)
            made, secret = change(was)
            if await store.put_client(made, was):
                return made, secret


async def _find(store: Store, settings: Settings, id: str) -> Client:
    found = await store.client(id)
    if found is None or found.tenant != settings.tenant:
        raise NotFound(f"no client {id[:64]} in tenant {settings.tenant}: see bellwire client list")
    return found


def _described(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.id,
        "name": client.name,
        "scopes": client.scopes,
        "live_secrets": sum(map(is_live, client.secrets)),
        "created_at": rfc3339(client.created_at),
        "revoked_at": None if client.revoked_at is None else rfc3339(client.revoked_at),
    }


def _audit(act: str, client: Client) -> None:
    audit(f"client {act}", "ok", tenant=client.tenant, client=CLI_CLIENT, target=client.id)


def _show(client: Client, secret: str, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps({"client_id": client.id, "client_secret": secret}))
    else:
        click.echo(f"client_id      {client.id}\nclient_secret  {secret}")
        click.echo("Keep the secret: it is not stored and cannot be shown again.", err=True)
