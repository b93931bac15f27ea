"""Ids: their grammar, new ones, and the keys derived from them."""

import re
import secrets
import time
from functools import lru_cache
from hashlib import blake2b

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
NOTIFICATION_ID_LENGTH = 26
_TIME_LENGTH = 10

# Design §8: 1-128 printable ASCII characters without space / % " < > \
NAME_PATTERN = r"^[!#$&-.0-;=?-\[\]-~]{1,128}\Z"
_NAME = re.compile(NAME_PATTERN)
CATEGORY_PATTERN = r"^[a-z0-9._-]{1,64}\Z"
NAME_RULE = 'expected 1-128 printable ASCII characters without space / % " < > \\'


def is_name(value: str) -> bool:
    """Whether ``value`` can be the id of a user, a tenant or a topic."""
    return _NAME.match(value) is not None


def _base32(number: int, length: int) -> str:
    places = range(5 * length - 10, -1, -10)
    return "".join([_PAIRS[number >> place & 1023] for place in places])


def new_id() -> str:
    """A new id of 26 characters that sorts by the millisecond it was made in (ULID)."""
    return _base32(time.time_ns() // 1_000_000 << 80 | secrets.randbits(80), NOTIFICATION_ID_LENGTH)


def made_at(id: str) -> int:
    """The millisecond (since 1970) in which ``new_id`` made ``id``.

    :raises ValueError: it did not.
    """
    number = 0
    for character in id[:_TIME_LENGTH]:
        number = number << 5 | _ALPHABET.index(character)
    return number


def new_token(length: int = 12) -> str:
    """``length`` random characters of five bits each, an even number of them."""
    return _base32(secrets.randbits(5 * length), length)


def stream_key(tenant: str, user: str) -> str:
    """The key of a user's stream. Ids hold no ``/``, so it splits one way only."""
    return f"{tenant}/{user}"


def channel_key(tenant: str, topic: str) -> str:
    """The key under which the signals of a topic travel on the bus. No stream has it: a user's id is not empty."""
    return f"{tenant}//{topic}"


@lru_cache(maxsize=65_536)
def _mark_of(stream: str) -> str:
    return _base32(int.from_bytes(blake2b(stream.encode(), digest_size=5).digest(), "big"), 8)


def item_id(stream: str, notification: str) -> str:
    """The id of ``notification`` in the inbox of ``stream``: no two users share one."""
    return f"{notification}-{_mark_of(stream)}"


def notification_of(stream: str, item: str) -> str | None:
    """The notification that ``item`` of ``stream`` was made from; ``None`` if it is not an id of that inbox."""
    notification, _, mark = item.partition("-")
    if len(notification) != NOTIFICATION_ID_LENGTH or mark != _mark_of(stream):
        return None
    return notification
