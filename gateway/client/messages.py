"""What a server sends, read tolerantly: unknown fields and unknown ``t`` are the future, not an error."""

from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from inbox.errors import BellwireError

T = TypeVar("T")


class Message(Struct, frozen=True):
    """What ``listen`` yields: the ``welcome`` of a snapshot, an ``entry``, a ``signal``. ``raw`` is as on the wire."""

    t: str
    seq: int
    raw: bytes


class Frame(Struct, frozen=True):
    """One frame from the server: the fields that a client steers by. Times are in milliseconds."""

    t: str
    seq: int = 0
    epoch: str = ""
    resumed: bool = False
    entries: tuple[Raw, ...] = ()
    after: float = 0
    spread: float = 0
    message: str = ""


class ChangesPage(Struct, frozen=True):
    """One page of ``GET /v1/inbox/changes``."""

    entries: tuple[Raw, ...]
    more: bool


_FRAME = msgspec.json.Decoder(Frame)
_PAGE = msgspec.json.Decoder(ChangesPage)


def read_frame(raw: bytes) -> Frame:
    """:raises BellwireError: not a frame of our protocol."""
    return read(_FRAME, raw)


def read_page(raw: bytes) -> ChangesPage:
    """:raises BellwireError: not a page of changes."""
    return read(_PAGE, raw)


def read_entry(raw: bytes) -> Message:
    """One element of ``entries``, as a message."""
    return Message("entry", read_frame(raw).seq, raw)


def read(decoder: "msgspec.json.Decoder[T]", raw: bytes) -> T:
    """What ``decoder`` makes of ``raw``.

    :raises BellwireError: it does not fit, so this is no server of ours.
    """
    try:
        return decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise BellwireError(f"the server does not speak Bellwire's protocol, version 1: {error}") from None
