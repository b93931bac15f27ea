"""Users: what you tell of them, all there is of one, forgetting one, and tokens for their devices."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import httpx2
import msgspec
from msgspec import Struct

from bellwire.call import LONGEST, Call, Pages, batches, given, path, to
from bellwire.models import Channels, Erasure, Page, Profile, User, UserToken

_USER = to(User)
_USERS = to(Page[User])
_IDS = to(Page[str])
_ERASURE = to(Erasure)
_TOKEN = to(UserToken)


class Written(Struct, frozen=True):
    """How many profiles were written."""

    written: int


_WRITTEN = to(Written)


def put(
    user: str,
    *,
    locale: str | None = None,
    time_zone: str | None = None,
    channels: Channels | None = None,
    data: Mapping[str, Any] | None = None,
) -> Call[User]:
    """Write a user's profile, the whole of it: what is not named is cleared.

    :param locale: BCP 47, as ``pt-BR``.
    :param time_zone: IANA, as ``Europe/Berlin``.
    """
    profile = given(locale=locale, time_zone=time_zone, channels=channels, data=data)
    return Call(method="PUT", path=path("users", user), read=_USER, body=profile)


def put_many(users: Iterable[Profile]) -> Iterator[Call[int]]:
    """Write any number of profiles; how many were written.

    It goes by requests of up to 1,000: where one fails, those before it are done, and all of it may be asked again.
    """
    return (_put(batch) for batch in batches(users))


def get(user: str) -> Call[User]:
    """A user's profile. :raises NotFound: none was written. A user needs none to have an inbox."""
    return Call(method="GET", path=path("users", user), read=_USER)


def list() -> Pages[User]:
    """The users that have a profile."""
    return Call(method="GET", path=path("users"), read=_USERS, query=LONGEST)


def topics(user: str) -> Pages[str]:
    """The topics that a user is in."""
    return Call(method="GET", path=path("users", user, "topics"), read=_IDS, query=LONGEST)


def delete(user: str) -> Call[Erasure]:
    """Erase a user: profile, inbox, topics. Their devices start over, empty."""
    return Call(method="DELETE", path=path("users", user), read=_ERASURE)


def export(user: str) -> Call[httpx2.Response]:
    """Everything there is of a user, line by line, each a JSON object with a ``type``. The last is ``end``.

    :raises Unavailable: it broke off, or what was read changed underneath: ask again.
    """
    return Call(method="GET", path=path("users", user, "export"), read=lambda answer: answer, streamed=True)


def token(user: str, *, ttl_s: int = 3_600, topics: Sequence[str] = ()) -> Call[UserToken]:
    """A token for a user's devices.

    :param ttl_s: seconds it is valid, at most a day.
    :param topics: the live channels it opens: names, or ``prefix:*``.
    """
    wanted = given(ttl_s=ttl_s, topics=topics)
    return Call(method="POST", path=path("users", user, "tokens"), read=_TOKEN, body=wanted, repeatable=False)


def _put(users: Sequence[msgspec.Raw]) -> Call[int]:
    return Call(method="POST", path=path("users"), read=_count, body=given(users=users))


def _count(answer: httpx2.Response) -> int:
    return _WRITTEN(answer).written
