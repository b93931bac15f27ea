"""``bellwire listen``: an inbox in a terminal, live."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

import click
import msgspec
from msgspec import Raw, Struct

from gateway.client import Message
from gateway.client import listen as messages_of
from gateway.client.listen import TokenSource
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

    counts: Counts = Counts()
    user: str = ""
    kind: str = ""
    at: datetime = datetime.fromtimestamp(0, UTC)
    item: Titled | None = None
    ids: tuple[str, ...] | None = None
    reason: str = ""
    topic: str = ""
    data: Raw = Raw(b"{}")


_SAID = msgspec.json.Decoder(Said)


@click.command()
@click.argument("user")
@click.option("--json", "as_json", is_flag=True, help="Messages as on the wire, one a line.")
@click.option("--topic", "topics", multiple=True, help="Show the signals of this live channel too. Repeatable.")
@url_option
@token_option
@with_settings(*STORE, "jwt_audience")
def listen(
    settings: Settings, user: str, as_json: bool, topics: tuple[str, ...], url: str | None, token: str | None
) -> None:
    """Show what happens in the inbox of USER, from now on and across restarts of the server. Ctrl-C ends it."""
    given = read_token(token)

    async def token_source() -> str:
        return given or await minting.user_token(settings, user, topics=topics)

    asyncio.run(_listen(user_url(settings, url), token_source, topics, as_json))


async def _listen(url: str, token_source: TokenSource, topics: tuple[str, ...], as_json: bool) -> None:
    async with aclosing(messages_of(url, token_source, topics=topics)) as messages:
        async for message in messages:
            click.echo(message.raw if as_json else line_of(message))


def line_of(message: Message) -> str:
    """``message`` for people: when, what, and how many are unread now.

    :raises BellwireError: the server said something else than an entry, a signal or a welcome.
    """
    said = read(_SAID, message.raw)
    unread = f"{said.counts.unread} unread"
    if message.t == "welcome":
        return f"Listening to {printable(said.user)}: {unread}. Ctrl-C ends it."
    if message.t == "signal":
        told = f"{said.topic} {bytes(said.data).decode(errors='replace')}"
        return f"{datetime.now():%H:%M:%S}  signal      {printable(told)}"
    at = said.at.astimezone().strftime("%H:%M:%S")
    return f"{at}  {printable(said.kind):<10}  {_subject(said):<{TITLE_CHARACTERS}}  {unread}"


def _subject(entry: Said) -> str:
    if entry.item is not None:
        return printable(entry.item.title)[:TITLE_CHARACTERS]
    if entry.ids is not None:
        why = f" ({printable(entry.reason)})" if entry.reason else ""
        return f"{len(entry.ids)} item{'' if len(entry.ids) == 1 else 's'}{why}"
    return "every item until then"


def printable(text: str) -> str:
    """``text`` without what would steer the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
