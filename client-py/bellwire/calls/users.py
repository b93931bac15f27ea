"""Users: what you tell of them, all there is of one, forgetting one, tokens for their devices, and their sessions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import httpx2
import msgspec
from msgspec import Struct

from bellwire.call import LONGEST, Call, Pages, batches, given, nothing, path, to
from bellwire.models import Channels, Erasure, Page, Profile, Session, User, UserToken

_USER = to(User)
_USERS = to(Page[User])
_IDS = to(Page[str])
_ERASURE = to(Erasure)
_TOKEN = to(UserToken)


class Written(Struct, frozen=True):
    """How many profiles were written."""

    written: int


class Live(Struct, frozen=True):
    """The live sessions of a user."""

    sessions: tuple[Session, ...]


_WRITTEN = to(Written)
_LIVE = to(Live)


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


def sessions(user: str) -> Call[tuple[Session, ...]]:
    """The live sessions of a user, the oldest first. :raises Unavailable: that cannot be known now."""
    return Call(method="GET", path=path("users", user, "sessions"), read=_sessions)


def end_sessions(user: str, *, jti: str | None = None) -> Call[None]:
    """Make every token that a user has now void, and end the sessions: within 2 seconds, everywhere.

    :param jti: only the token of this id, and its sessions.
    """
    query = {} if jti is None else {"jti": jti}
    return Call(method="DELETE", path=path("users", user, "sessions"), read=nothing, query=query)


def _put(users: Sequence[msgspec.Raw]) -> Call[int]:
    return Call(method="POST", path=path("users"), read=_count, body=given(users=users))


def _count(answer: httpx2.Response) -> int:
    return _WRITTEN(answer).written


def _sessions(answer: httpx2.Response) -> tuple[Session, ...]:
    return _LIVE(answer).sessions
