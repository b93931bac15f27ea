"""Whom a topic reaches."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class TopicRef(Struct, frozen=True):
    """A topic: its name, and which of those that ever bore it."""

    id: str
    uid: str


class Audience(Protocol):
    async def ref(self, tenant: str, topic: str) -> tuple[TopicRef, int] | None:
        """The topic and its size; ``None`` if the tenant has none of that name."""
        ...

    async def chunk(self, uid: str, after: str, limit: int) -> Sequence[str]:
        """The next users in the topic, in order."""
        ...
