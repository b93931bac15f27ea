"""The commands that ask a running server as a backend would: a first notification, and who is connected."""

import asyncio
from typing import Any

import click
import msgspec

from gateway.commands import minting
from gateway.commands.asking import asked
from gateway.commands.options import STORE, read_token, token_option, url_option, user_url, with_settings
from gateway.settings import Settings

TIME = click.DateTime(["%Y-%m-%dT%H:%M:%S%z"])


@click.command()
@click.argument("user", required=False)
@click.option("--topic", help="Everybody in this topic, instead of USER.")
@click.option("--title", required=True, help="What it says.")
@click.option("--body", help="More of it.")
@click.option("--category", help="Its kind, such as comments.")
@click.option("--link", help="Where a click on it leads.")
@click.option("--collapse-key", help="Take over the unread item with this key instead of adding one.")
@click.option(
    "--send-at", type=TIME, metavar="TIME", help="When it should appear: 2026-11-21T08:00:00Z, or with another offset."
)
@click.option("--expires-at", type=TIME, metavar="TIME", help="When it should leave the inbox.")
@url_option
@click.option("--api-url", help="The server's backend side. [as --url]")
@token_option
@with_settings(*STORE)
def send(
    settings: Settings, user: str | None, url: str | None, api_url: str | None, token: str | None, **content: Any
) -> None:
    """Publish a notification to USER, or to a topic, and print the server's answer."""
    content["url"] = content.pop("link")
    content["recipients"] = user
    token = read_token(token) or asyncio.run(minting.access_token(settings, "notifications:write"))
    with asked(user_url(settings, api_url or url), token) as bell:
        click.echo(msgspec.json.encode(bell.notifications.publish(**content)))


@click.command()
@click.argument("user")
@click.option("--end", is_flag=True, help="Make the user's tokens void, which ends the sessions.")
@click.option("--jti", help="With --end: only the token of this id.")
@url_option
@click.option("--api-url", help="The server's backend side. [as --url]")
@token_option
@with_settings(*STORE)
def sessions(
    settings: Settings,
    user: str,
    end: bool,
    jti: str | None,
    url: str | None,
    api_url: str | None,
    token: str | None,
) -> None:
    """Print the live sessions of USER, one a line, or end them."""
    if jti is not None and not end:
        raise click.UsageError("--jti goes with --end")
    token = read_token(token) or asyncio.run(minting.access_token(settings, "users"))
    with asked(user_url(settings, api_url or url), token) as bell:
        if end:
            bell.users.end_sessions(user, jti=jti)
        else:
            for session in bell.users.sessions(user):
                click.echo(msgspec.json.encode(session))
