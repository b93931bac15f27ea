"""What goes in and what comes back, typed. Fields that a newer server adds are ignored."""

from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Action(Struct, frozen=True):
    """A button."""

    label: str
    url: str


class Actor(Struct, frozen=True, omit_defaults=True):
    """Who did what the notification tells."""

    name: str
    id: str | None = None
    avatar: str | None = None


class Rejected(Struct, frozen=True):
    """A recipient that was not accepted, and why."""

    recipient: str
    code: str
    detail: str


class Published(Struct, frozen=True):
    """It is stored durably. ``duplicates`` are repeats within the request."""

    id: str
    accepted: int
    duplicates: int
    rejected: tuple[Rejected, ...]


class Notification(Struct, frozen=True, kw_only=True):
    """What a notification says, and how many inboxes (``fanned_out`` of ``total``) it has reached.

    ``state``: scheduled, running, done, cancelled or expired. ``version`` rises with each update.
    """

    id: str
    state: str
    total: int
    fanned_out: int
    topic: str | None
    collapse_key: str | None
    version: int
    created_at: datetime
    send_at: datetime | None
    expires_at: datetime | None
    category: str
    title: str
    body: str | None
    data: dict[str, Any] | None
    url: str | None
    actions: tuple[Action, ...]
    actor: Actor | None
    priority: str


class Topic(Struct, frozen=True):
    """A set of users. ``members`` is its size."""

    id: str
    description: str | None
    members: int
    created_at: datetime


class Channels(Struct, frozen=True, omit_defaults=True):
    """Where a user can be reached outside: a mail address, a telephone number in E.164."""

    email: str | None = None
    sms: str | None = None


class Profile(Struct, frozen=True, omit_defaults=True):
    """What you tell of a user. ``data`` is yours."""

    id: str
    locale: str | None = None
    time_zone: str | None = None
    channels: Channels = Channels()
    data: dict[str, Any] = {}


class User(Profile, frozen=True, kw_only=True):
    """A profile as it is stored."""

    created_at: datetime
    updated_at: datetime


class Erasure(Struct, frozen=True):
    """``state``: done, or running: it is certain, and goes on in the background."""

    id: str
    state: str


class UserToken(Struct, frozen=True):
    """A token for one user's devices."""

    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"UserToken(expires_at={self.expires_at.isoformat()})"


class Session(Struct, frozen=True):
    """A live connection of a user, and the ``node`` that holds it."""

    session: str
    node: str
    connected_at: datetime


class Page(Struct, Generic[T], frozen=True):
    """A part of a list. ``next`` is where the following part begins, ``None`` on the last."""

    items: tuple[T, ...]
    next: str | None
