"""``bellwire listen``: an inbox in a terminal, live."""

import asyncio
from contextlib import aclosing
from datetime import datetime
from typing import Any

import click
import orjson

from gateway.client import Message
from gateway.client import listen as messages_of
from gateway.commands import minting
from gateway.commands.options import STORE, read_token, token_option, url_option, user_url, with_settings
from gateway.settings import Settings

TITLE_CHARACTERS = 60


@click.command()
@click.argument("user")
@click.option("--json", "as_json", is_flag=True, help="Messages as on the wire, one a line.")
@url_option
@token_option
@with_settings(*STORE, "jwt_audience")
def listen(settings: Settings, user: str, as_json: bool, url: str | None, token: str | None) -> None:
    """Show what happens in the inbox of USER, from now on and across restarts of the server. Ctrl-C ends it."""
    asyncio.run(_listen(settings, user, as_json, user_url(settings, url), read_token(token)))


async def _listen(settings: Settings, user: str, as_json: bool, url: str, token: str | None) -> None:
    async def token_source() -> str:
        return token or await minting.user_token(settings, user)

    async with aclosing(messages_of(url, token_source)) as messages:
        async for message in messages:
            click.echo(message.raw if as_json else line_of(message))


def line_of(message: Message) -> str:
    """``message`` for people: when, what, and how many are unread now."""
    said: dict[str, Any] = orjson.loads(message.raw)
    unread = f"{said['counts']['unread']} unread"
    if message.t == "welcome":
        return f"Listening to {printable(said['user'])}: {unread}. Ctrl-C ends it."
    at = datetime.fromisoformat(said["at"]).astimezone().strftime("%H:%M:%S")
    return f"{at}  {said['kind']:<10}  {_subject(said):<{TITLE_CHARACTERS}}  {unread}"


def _subject(entry: dict[str, Any]) -> str:
    if "item" in entry:
        return printable(entry["item"]["title"])[:TITLE_CHARACTERS]
    if "ids" in entry:
        count = len(entry["ids"])
        return f"{count} item{'s' if count > 1 else ''}"
    return f"everything up to {entry['upto']}"


def printable(text: str) -> str:
    """``text`` without what would steer the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
