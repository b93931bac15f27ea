"""``bellwire listen``: an inbox in a terminal, live."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

import click
import msgspec
from msgspec import Struct

from gateway.client import Message
from gateway.client import listen as messages_of
from gateway.client.messages import read
from gateway.commands import minting
from gateway.commands.options import STORE, read_token, token_option, url_option, user_url, with_settings
from gateway.settings import Settings
from inbox.model import Counts

TITLE_CHARACTERS = 60


class Titled(Struct, frozen=True):
    """What a line shows of an item."""

    title: str


class Said(Struct, frozen=True):
    """What a line shows of a message."""

    counts: Counts
    user: str = ""
    kind: str = ""
    at: datetime = datetime.fromtimestamp(0, UTC)
    item: Titled | None = None
    ids: tuple[str, ...] | None = None


_SAID = msgspec.json.Decoder(Said)


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
    """``message`` for people: when, what, and how many are unread now.

    :raises BellwireError: the server said something else than an entry or a welcome.
    """
    said = read(_SAID, message.raw)
    unread = f"{said.counts.unread} unread"
    if message.t == "welcome":
        return f"Listening to {printable(said.user)}: {unread}. Ctrl-C ends it."
    at = said.at.astimezone().strftime("%H:%M:%S")
    return f"{at}  {printable(said.kind):<10}  {_subject(said):<{TITLE_CHARACTERS}}  {unread}"


def _subject(entry: Said) -> str:
    if entry.item is not None:
        return printable(entry.item.title)[:TITLE_CHARACTERS]
    if entry.ids is not None:
        return f"{len(entry.ids)} item{'' if len(entry.ids) == 1 else 's'}"
    return "every item until then"


def printable(text: str) -> str:
    """``text`` without what would steer the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
