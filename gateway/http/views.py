"""The answers as Structs, for the reference.

On the wire they are spliced from stored bytes; a test decodes the ones by the others.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.http.content import Action, Actor
from gateway.http.profile import Channels
from inbox.model import NotificationState

_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z"
Time = Annotated[str, Meta(pattern=_TIME, extra_json_schema={"format": "date-time"})]
Count = Annotated[int, Meta(ge=0)]


class Rejected(Struct):
    """A recipient that was not accepted, and why."""

    recipient: str
    code: str
    detail: str


class Published(Struct):
    """The answer to a publish: it is durable."""

    id: str
    accepted: Count
    duplicates: Count
    rejected: list[Rejected]


class Counts(Struct):
    """Items neither archived nor removed, not read / not seen."""

    unread: Count
    unseen: Count


class Content(Struct):
    """What a notification shows."""

    category: str
    title: str
    body: str | None
    data: dict[str, Any] | None
    url: str | None
    actions: list[Action]
    actor: Actor | None
    priority: Literal["low", "normal", "high"]


class NotificationStatus(Content):
    """A notification, its newest ``version``, and how many inboxes it has reached."""

    id: str
    state: NotificationState
    total: Count
    fanned_out: Count
    topic: str | None
    collapse_key: str | None
    version: Count
    created_at: Time
    send_at: Time | None
    expires_at: Time | None


class Item(Content):
    """A notification in one inbox. ``seq`` is its newest created or updated entry; times are RFC 3339 or null."""

    id: str
    seq: Count
    notification: str
    actors: list[Actor]
    collapsed: Count
    created_at: Time
    seen_at: Time | None
    read_at: Time | None
    archived_at: Time | None
    expires_at: Time | None


class Entry(Struct):
    """One numbered change: ``item`` when created or updated; else ``ids``, or ``upto`` beyond 500 of them."""

    t: Literal["entry"]
    seq: Count
    kind: Literal["created", "updated", "read", "unread", "seen", "archived", "unarchived", "removed"]
    at: Time
    counts: Counts
    item: Item | UnsetType = UNSET
    ids: list[str] | UnsetType = UNSET
    upto: int | UnsetType = UNSET
    reason: Literal["user", "cancelled", "expired"] | UnsetType = UNSET


class Topic(Struct):
    """A set of users. ``members`` is its size."""

    id: str
    description: str | None
    members: Count
    created_at: Time


class TopicList(Struct):
    """Topics. ``next`` is the ``after`` of the following page, null on the last."""

    items: list[Topic]
    next: str | None


class IdList(Struct):
    """Ids. ``next`` is the ``after`` of the following page, null on the last."""

    items: list[str]
    next: str | None


class Membership(Struct):
    """How many users came into the topic, and how many left it."""

    added: Count
    removed: Count


class Nothing(Struct):
    """Accepted; there is nothing to say."""


class User(Struct):
    """A user's profile."""

    id: str
    locale: str | None
    time_zone: str | None
    channels: Channels
    data: dict[str, Any]
    created_at: Time
    updated_at: Time


class UserList(Struct):
    """Profiles. ``next`` is the ``after`` of the following page, null on the last."""

    items: list[User]
    next: str | None


class Written(Struct):
    """How many profiles were written: all."""

    written: Count


class Erasure(Struct):
    """``running``: it is certain, and goes on in the background."""

    id: str
    state: Literal["done", "running"]


class Session(Struct):
    """A live connection, and the ``node`` that holds it."""

    session: str
    node: str
    connected_at: Time


class SessionList(Struct):
    """The oldest first."""

    sessions: list[Session]


class Standing(Struct):
    """Where a stream stands."""

    epoch: str
    seq: Count
    counts: Counts


class Page(Struct):
    """Items that stand at ``seq``. ``next`` is the ``before`` of the following page, null on the last."""

    items: list[Item]
    next: str | None
    epoch: str
    seq: Count
    counts: Counts


class Changes(Struct):
    """Entries, dense from ``since + 1``; ``seq`` is where the stream stands; ``more``: ask again."""

    epoch: str
    seq: Count
    entries: list[Entry]
    more: bool


class Marked(Struct):
    """What a mark did: the items that ``changed``, or ``upto`` where more than 500 did."""

    seq: Count
    counts: Counts
    changed: list[str] | UnsetType = UNSET
    upto: int | UnsetType = UNSET
    missing: list[str] | UnsetType = UNSET


class UserToken(Struct):
    """A token for one user."""

    token: str
    expires_at: Time


class AccessToken(Struct):
    """RFC 6749's answer; ``expires_in`` in seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class Health(Struct):
    """One word."""

    status: str
