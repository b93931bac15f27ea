"""The commands of a backend's developer: credentials, tokens, and a first notification."""

import asyncio

import click

from gateway.audit import audit
from gateway.auth.clients import CLI_CLIENT
from gateway.client import http
from gateway.commands import minting
from gateway.commands.options import STORE, read_token, token_option, url_option, user_url, with_settings
from gateway.settings import LIMITS, Settings


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
@click.option("--topic", "topics", multiple=True, help="A live channel it may subscribe to, or prefix:*. Repeatable.")
@with_settings(*STORE, "jwt_audience")
def token(settings: Settings, user: str, ttl_s: int, topics: tuple[str, ...]) -> None:
    """Print a token that opens the inbox of USER."""
    made = asyncio.run(minting.user_token(settings, user, ttl_s, topics))
    audit("token", "ok", tenant=settings.tenant, client=CLI_CLIENT, target=user)
    click.echo(made)


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
