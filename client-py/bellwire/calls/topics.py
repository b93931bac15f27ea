"""Topics: sets of users that are published to as one, and live channels."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import httpx2
import msgspec
from msgspec import Struct

from bellwire.call import LONGEST, Call, Pages, batches, given, nothing, path, to
from bellwire.models import Page, Topic

_TOPIC = to(Topic)
_TOPICS = to(Page[Topic])
_IDS = to(Page[str])


class Membership(Struct, frozen=True):
    """How many users came in, and how many left."""

    added: int
    removed: int


_MEMBERSHIP = to(Membership)


def put(topic: str, *, description: str | None = None) -> Call[Topic]:
    """Make a topic, or describe it anew."""
    return Call(method="PUT", path=path("topics", topic), read=_TOPIC, body=given(description=description))


def get(topic: str) -> Call[Topic]:
    """A topic and its size. :raises NotFound: there is none."""
    return Call(method="GET", path=path("topics", topic), read=_TOPIC)


def delete(topic: str) -> Call[None]:
    """Forget a topic and who is in it; its notifications stay. :raises NotFound: there is none."""
    return Call(method="DELETE", path=path("topics", topic), read=nothing, removal=True)


def list() -> Pages[Topic]:
    """Your topics."""
    return Call(method="GET", path=path("topics"), read=_TOPICS, query=LONGEST)


def members(topic: str) -> Pages[str]:
    """The users in a topic. :raises NotFound: there is none."""
    return Call(method="GET", path=path("topics", topic, "members"), read=_IDS, query=LONGEST)


def add(topic: str, users: Iterable[str]) -> Iterator[Call[int]]:
    """Put users into a topic, any number; how many were not in it.

    It goes by requests of 1,000: where one fails, those before it are done, and all of it may be asked again.

    :raises NotFound: there is no such topic.
    """
    return (_change(topic, "add", batch) for batch in batches(users))


def remove(topic: str, users: Iterable[str]) -> Iterator[Call[int]]:
    """Take users out of a topic, any number; how many were in it. As ``add``."""
    return (_change(topic, "remove", batch) for batch in batches(users))


def signal(topic: str, data: Mapping[str, Any]) -> Call[None]:
    """Show ``data`` (at most 64 kB as JSON) to whoever is in the live channel now.

    Best effort: it is not stored, and not sent again when no answer comes, for it would be shown twice.
    """
    return Call(
        method="POST", path=path("topics", topic, "signals"), read=nothing, body=given(data=data), repeatable=False
    )


def _change(topic: str, way: str, users: Sequence[msgspec.Raw]) -> Call[int]:
    def changed(answer: httpx2.Response) -> int:
        membership = _MEMBERSHIP(answer)
        return membership.added + membership.removed

    return Call(method="POST", path=path("topics", topic, "members"), read=changed, body=given(**{way: users}))
