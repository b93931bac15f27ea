"""The answers as Structs, for the reference.

On the wire they are spliced from stored bytes; a test decodes the ones by the others.
"""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from gateway.http.publish import Action, Actor


class Rejected(Struct):
    """A recipient that was not accepted, and why."""

    recipient: str
    code: str
    detail: str


class Published(Struct):
    """The answer to a publish: it is durable."""

    id: str
    accepted: int
    duplicates: int
    rejected: list[Rejected]


class Counts(Struct):
    """Items neither archived nor removed, not read / not seen."""

    unread: int
    unseen: int


class Content(Struct):
    """What a notification shows."""

    category: str
    title: str
    body: str | None
    data: dict[str, Any] | None
    url: str | None
    actions: list[Action]
    actor: Actor | None
    actors: list[Actor]
    collapsed: int
    priority: Literal["low", "normal", "high"]
    expires_at: str | None


class NotificationStatus(Content):
    """A notification and how many inboxes it has reached."""

    id: str
    state: Literal["running", "done"]
    total: int
    fanned_out: int
    created_at: str


class Item(Content):
    """A notification in one inbox. ``seq`` is its newest created entry; times are RFC 3339 or null."""

    id: str
    seq: int
    notification: str
    created_at: str
    seen_at: str | None
    read_at: str | None
    archived_at: str | None


class Entry(Struct):
    """One numbered change: ``item`` when created; ``ids``, or ``upto`` beyond 500 of them, for the others."""

    t: Literal["entry"]
    seq: int
    kind: Literal["created", "read", "unread", "seen", "archived", "unarchived", "removed"]
    at: str
    counts: Counts
    item: Item | UnsetType = UNSET
    ids: list[str] | UnsetType = UNSET
    upto: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Standing(Struct):
    """Where a stream stands."""

    epoch: str
    seq: int
    counts: Counts


class Page(Struct):
    """Items that stand at ``seq``. ``next`` is the ``before`` of the following page, null on the last."""

    items: list[Item]
    next: str | None
    epoch: str
    seq: int
    counts: Counts


class Changes(Struct):
    """Entries, dense from ``since + 1``; ``seq`` is where the stream stands; ``more``: ask again."""

    epoch: str
    seq: int
    entries: list[Entry]
    more: bool


class Marked(Struct):
    """What a mark did: the items that ``changed``, or ``upto`` where more than 500 did."""

    seq: int
    counts: Counts
    changed: list[str] | UnsetType = UNSET
    upto: int | UnsetType = UNSET
    missing: list[str] | UnsetType = UNSET


class UserToken(Struct):
    """A token for one user."""

    token: str
    expires_at: str


class AccessToken(Struct):
    """RFC 6749's answer; ``expires_in`` in seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class Health(Struct):
    """One word."""

    status: str


class WrongField(Struct):
    """One field that does not fit."""

    field: str
    message: str


class Problem(Struct):
    """RFC 9457. ``code`` is stable; ``temporary`` says that the same request may succeed later."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    temporary: bool | UnsetType = UNSET
    errors: list[WrongField] | UnsetType = UNSET
