"""The words of the domain as frozen data: no I/O, no behaviour beyond construction.

Times are integer milliseconds since 1970 (``*_at``); ``None`` means "not so".
"""

from typing import Literal

from msgspec import Struct

MarkOp = Literal["read", "unread", "seen", "archive", "unarchive", "remove"]
Kind = Literal["created", "read", "unread", "seen", "archived", "unarchived", "removed"]
Status = Literal["inbox", "unread", "unseen", "archived", "all"]
NotificationState = Literal["running", "done"]

MARK_KINDS: dict[MarkOp, Kind] = {
    "read": "read",
    "unread": "unread",
    "seen": "seen",
    "archive": "archived",
    "unarchive": "unarchived",
    "remove": "removed",
}


class Counts(Struct, frozen=True):
    """What the badge says: items neither archived nor removed, not read / not seen."""

    unread: int = 0
    unseen: int = 0


class Head(Struct, frozen=True):
    """Where a stream stands after its newest entry. A stream never written is at seq 0."""

    epoch: str
    seq: int = 0
    counts: Counts = Counts()


class Cursor(Struct, frozen=True):
    """A reader's place in a stream: has everything up to ``seq`` of incarnation ``epoch``."""

    epoch: str
    seq: int


class Notification(Struct, frozen=True):
    """What the backend published, once for all its recipients.

    ``content`` is its public part as the members of a JSON object without the
    braces, encoded once: ``"category":"x","title":"…",…`` (see ``encode.content_json``).
    """

    id: str
    tenant: str
    category: str
    content: bytes
    created_at: int


class Item(Struct, frozen=True):
    """A notification in one user's inbox. ``seq`` is its newest created/updated entry."""

    id: str
    seq: int
    notification: Notification
    seen_at: int | None = None
    read_at: int | None = None
    archived_at: int | None = None


class Entry(Struct, frozen=True):
    """One numbered change of a stream.

    ``created`` carries ``notification`` and ``item`` (the item's id); the marks carry ``ids``, only those
    that changed, or ``upto`` where more than ``MARK_IDS_MAX`` did. ``counts`` are absolute.
    """

    seq: int
    kind: Kind
    at: int
    counts: Counts
    notification: Notification | None = None
    item: str | None = None
    ids: tuple[str, ...] | None = None
    upto: int | None = None
    reason: str | None = None


class Mark(Struct, frozen=True):
    """A wish of a user about items: either by ``ids``, or every item with ``seq`` <= ``upto`` of ``epoch``."""

    op: MarkOp
    ids: tuple[str, ...] | None = None
    upto: int | None = None
    epoch: str | None = None


class Marked(Struct, frozen=True):
    """What a mark did. ``changed`` is ``None`` where more than ``MARK_IDS_MAX`` items changed (``upto`` says which).

    Nothing changed: ``head`` is where the stream stands and ``changed`` is empty.
    """

    head: Head
    changed: tuple[str, ...] | None = ()
    missing: tuple[str, ...] = ()
    upto: int | None = None


class Changes(Struct, frozen=True):
    """Entries after a cursor, dense and in order; ``more`` says that the log holds further ones."""

    head: Head
    entries: tuple[Entry, ...]
    more: bool


class Page(Struct, frozen=True):
    """Items, newest on top, that stand at ``head`` (or later: entries after ``head`` are harmless to apply again).

    ``next`` is the ``before`` of the following page, ``None`` on the last.
    """

    head: Head
    items: tuple[Item, ...]
    next: int | None


class Submission(Struct, frozen=True):
    """A publish as the store takes it: checked, recipients distinct and in the order given (<= 1,000).

    ``key`` and ``body_hash`` make it idempotent; both or neither.
    """

    notification: Notification
    recipients: tuple[str, ...]
    key: str | None = None
    body_hash: bytes | None = None


class Receipt(Struct, frozen=True):
    """The store's answer to a publish: the id under which it stands (the first one's, for a repeated key)."""

    id: str
    total: int


class Progress(Struct, frozen=True):
    """How far a notification's fan-out is."""

    notification: Notification
    state: NotificationState
    total: int
    fanned_out: int


class Client(Struct, frozen=True):
    """A backend that may ask for access tokens. ``secret_hash`` is the SHA-256 of 256 random bits."""

    id: str
    tenant: str
    name: str
    scopes: tuple[str, ...]
    secret_hash: bytes
    created_at: int


class Process(Struct, frozen=True):
    """A running process as its heartbeat row shows it.

    ``beat_at`` is its own clock when it last beat, ``skew_ms`` that clock minus the store's at the same moment
    (MongoDB: ``$currentDate`` in the same update; SQLite: one machine, one clock, 0).
    """

    id: str
    role: str
    host: str
    started_at: int
    beat_at: int
    pid: int
    skew_ms: int = 0
