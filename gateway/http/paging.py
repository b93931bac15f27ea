"""The opaque ``next`` of a page: a place in one list, of no use in another."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated

from msgspec import Meta, Struct

from gateway.settings import LIMITS
from inbox.encode import array
from inbox.errors import Invalid

_MARK_BYTES = 8


class ListQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of a list."""

    limit: Annotated[int, Meta(ge=1, le=LIMITS.list_items)] = 25
    after: Annotated[str, Meta(max_length=512)] | None = None

    def place(self, list: str) -> str | None:
        """:raises Invalid: ``after`` is no cursor of ``list``."""
        return None if self.after is None else decode_next(list, self.after, "after")


def encode_next(list: str, place: str) -> str:
    """A text for ``place``, where the following page of ``list`` begins. Any name of the list will do, if unique.

    The mark tells cursors apart and mistakes from cursors. It is no secret: what a reader may see does not hang on it.
    """
    mark = blake2b(f"{list}\n{place}".encode(), digest_size=_MARK_BYTES).digest()
    return urlsafe_b64encode(mark + place.encode()).decode().rstrip("=")


def decode_next(list: str, text: str, field: str) -> str:
    """The place that ``encode_next`` hid in ``text``.

    :raises Invalid: it did not make this text for this list. ``field`` is the parameter that brought it.
    """
    try:
        place = urlsafe_b64decode(text.encode("ascii") + b"==")[_MARK_BYTES:].decode()
    except ValueError:
        raise _foreign(field) from None
    if encode_next(list, place) != text:
        raise _foreign(field)
    return place


def next_json(list: str, place: str | int | None) -> bytes:
    """The member ``next`` of a page of ``list``: null on the last."""
    return b"null" if place is None else b'"%s"' % encode_next(list, str(place)).encode()


def list_json(list: str, items: Sequence[bytes], next: str | None) -> bytes:
    """A page of ``list``, its items encoded."""
    return b'{"items":%s,"next":%s}' % (array(items), next_json(list, next))


def decode_before(stream: str, text: str) -> int:
    """The number below which the page of an inbox begins.

    :raises Invalid: ``text`` was not made for this stream.
    """
    place = decode_next(stream, text, "before")
    if not place.isdecimal() or not place.isascii() or int(place) >= 1 << 63:
        raise _foreign("before")
    return int(place)


def _foreign(field: str) -> Invalid:
    return Invalid.field(field, "expected the `next` of an earlier page of this list, unchanged")
