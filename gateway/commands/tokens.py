"""``bellwire token``: what opens an inbox, for a first try."""

import asyncio

import click

from gateway.audit import audit
from gateway.auth.clients import CLI_CLIENT
from gateway.commands import minting
from gateway.commands.options import STORE, with_settings
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
