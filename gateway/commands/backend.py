"""The commands of a backend's developer: credentials, tokens, and a first notification."""

import asyncio

import click
import orjson

from gateway.client import http
from gateway.commands import minting
from gateway.commands.options import STORE, read_token, token_option, url_option, user_url, with_settings
from gateway.settings import LIMITS, Settings


@click.group()
def client() -> None:
    """Backends that may ask for access tokens."""


@client.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="What it may do; give it once for each scope.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_settings(*STORE)
def create_client(settings: Settings, name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a client and print its secret, which is shown only now."""
    made, secret = asyncio.run(minting.add_client(settings, name, scopes))
    if as_json:
        click.echo(orjson.dumps({"client_id": made.id, "client_secret": secret}))
    else:
        click.echo(f"client_id      {made.id}\nclient_secret  {secret}")
        click.echo("Keep the secret: it is not stored and cannot be shown again.", err=True)


@click.command()
@click.argument("user")
@click.option(
    "--ttl",
    "ttl_s",
    type=click.IntRange(1, LIMITS.user_token_ttl_s),
    default=LIMITS.user_token_ttl_s,
    show_default=True,
    help="Seconds it is valid.",
)
@with_settings(*STORE, "jwt_audience")
def token(settings: Settings, user: str, ttl_s: int) -> None:
    """Print a token that opens the inbox of USER."""
    click.echo(asyncio.run(minting.user_token(settings, user, ttl_s)))


@click.command()
@click.argument("user")
@click.option("--title", required=True, help="What it says.")
@click.option("--body", help="More of it.")
@click.option("--category", help="Its kind, such as comments.")
@click.option("--link", help="Where a click on it leads.")
@url_option
@click.option("--api-url", help="The server's backend side. [as --url]")
@token_option
@with_settings(*STORE)
def send(
    settings: Settings, user: str, url: str | None, api_url: str | None, token: str | None, **content: str | None
) -> None:
    """Publish a notification to USER and print the server's answer."""
    content["url"] = content.pop("link")
    body: dict[str, object] = {"recipients": [user]}
    body.update((name, value) for name, value in content.items() if value is not None)
    click.echo(asyncio.run(_publish(settings, user_url(settings, api_url or url), read_token(token), body)))


async def _publish(settings: Settings, url: str, token: str | None, body: dict[str, object]) -> bytes:
    token = token or await minting.access_token(settings, "notifications:write")
    return await http.publish(url, token, body)
