"""The commands of a backend's developer: credentials, tokens, and a first notification."""

import asyncio
from typing import Any

import click
import msgspec

import bellwire
from bellwire import Client, Published, Retries
from gateway.audit import audit
from gateway.auth.clients import CLI_CLIENT
from gateway.commands import minting
from gateway.commands.options import STORE, read_token, token_option, url_option, user_url, with_settings
from gateway.settings import LIMITS, Settings
from inbox.errors import BellwireError, NotFound

TIME = click.DateTime(["%Y-%m-%dT%H:%M:%S%z"])


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
    click.echo(msgspec.json.encode(_publish(user_url(settings, api_url or url), token, content)))


def _publish(url: str, token: str, content: dict[str, Any]) -> Published:
    """:raises OSError: nobody answers at ``url``. :raises BellwireError: the server refused."""
    try:
        with Client(url, token=token, retries=Retries(attempts=3)) as client:
            return client.notifications.publish(**content)
    except bellwire.Unreachable as error:
        raise ConnectionError(f"{url} does not answer: {error.detail}") from None
    except bellwire.NotFound:
        raise NotFound(f"{url} takes no notifications: name the backend's side with --api-url") from None
    except bellwire.BellwireError as error:
        raise BellwireError(error.detail) from None
    except ValueError as error:
        raise BellwireError(str(error)) from None
