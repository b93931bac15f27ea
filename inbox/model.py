"""The words of the domain as frozen data: no I/O, no behaviour beyond construction.

Times are integer milliseconds since 1970 (``*_at``); ``None`` means "not so". What is made by the million has
``gc=False``: it can be part of no cycle, and the garbage collector need not look.
"""

from typing import Generic, Literal, TypeVar

from msgspec import Struct, field

T = TypeVar("T")

MarkOp = Literal["read", "unread", "seen", "archive", "unarchive", "remove"]
Kind = Literal["created", "updated", "read", "unread", "seen", "archived", "unarchived", "removed", "erased"]
Status = Literal["inbox", "unread", "unseen", "archived", "all"]
NotificationState = Literal["scheduled", "running", "done", "cancelled", "expired"]

MARK_KINDS: dict[MarkOp, Kind] = {
    "read": "read",
    "unread": "unread",
    "seen": "seen",
    "archive": "archived",
    "unarchive": "unarchived",
    "remove": "removed",
}


class Counts(Struct, frozen=True, gc=False):
    """What the badge says: items neither archived nor removed, not read / not seen."""

    unread: int = 0
    unseen: int = 0


class Head(Struct, frozen=True, gc=False):
    """Where a stream stands after its newest entry. A stream never written is at seq 0."""

    epoch: str
    seq: int = 0
    counts: Counts = Counts()


class Cursor(Struct, frozen=True, gc=False):
    """A reader's place in a stream: has everything up to ``seq`` of incarnation ``epoch``."""

    epoch: str
    seq: int


class Notification(Struct, frozen=True, gc=False):
    """What the backend published, once for all its recipients.

    ``content`` is its public part as the members of a JSON object without the
    braces, encoded once: ``"category":"x","title":"…",…`` (see ``encode.content_json``). It is the only part
    that changes: each change is the next ``version``, and entries and items name the version they show.
    ``actors`` is the JSON array of its own actor, or empty. ``created_at`` is the time it is due: now, or ``send_at``.
    At ``expires_at`` its items leave every inbox. An unread item with the same ``collapse_key`` is taken over.
    """

    id: str
    tenant: str
    category: str
    content: bytes
    created_at: int
    expires_at: int | None = None
    actors: bytes = b"[]"
    collapse_key: str | None = None
    version: int = 1


class Item(Struct, frozen=True, gc=False):
    """A notification in one user's inbox. ``seq`` is its newest created/updated entry.

    ``id`` stays when a later notification takes the item over: then ``collapsed`` counts how often that happened and
    ``actors`` (JSON) holds the newest of all actors, newest first. ``None``: those of ``notification``.
    """

    id: str
    seq: int
    notification: Notification
    seen_at: int | None = None
    read_at: int | None = None
    archived_at: int | None = None
    collapsed: int = 0
    actors: bytes | None = None


class Entry(Struct, frozen=True, gc=False):
    """One numbered change of a stream.

    ``created`` and ``updated`` carry the ``item`` as it was then; the marks carry ``ids``, only those
    that changed, or ``upto`` where more than ``MARK_IDS_MAX`` did. ``counts`` are absolute. ``removed`` has a
    ``reason``: user, cancelled or expired. ``erased`` begins another incarnation: no reader ever gets it.
    """

    seq: int
    kind: Kind
    at: int
    counts: Counts
    item: Item | None = None
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
    """A publish as the store takes it: checked, recipients distinct and in the order given (<= 1,000), or a topic.

    ``key`` and ``body_hash`` make it idempotent; both or neither. With ``send_at`` it waits until then.
    """

    notification: Notification
    recipients: tuple[str, ...] = ()
    key: str | None = None
    body_hash: bytes | None = None
    topic: str | None = None
    send_at: int | None = None


class Receipt(Struct, frozen=True):
    """The store's answer to a publish: the id under which it stands (the first one's, for a repeated key).

    ``total`` is the number of recipients; for a topic, of its members at that moment.
    """

    id: str
    total: int


class Progress(Struct, frozen=True):
    """What became of a notification: its newest version, and how many inboxes its fan-out has reached."""

    notification: Notification
    state: NotificationState
    total: int
    fanned_out: int
    topic: str | None = None
    send_at: int | None = None


class Listing(Struct, Generic[T], frozen=True):
    """A page of a list. ``next`` is the ``after`` of the following page, opaque; ``None`` on the last."""

    items: tuple[T, ...]
    next: str | None = None


class Topic(Struct, frozen=True):
    """A set of users that is published to as one. ``members`` is its size at that moment."""

    id: str
    description: str | None
    created_at: int
    members: int = 0


class Membership(Struct, frozen=True):
    """What a change of a topic's members did: those that were not in it before, and those that were."""

    added: int
    removed: int


class User(Struct, frozen=True):
    """What a backend told us of a user. ``channels``: addresses by channel (``email``, ``sms``). ``data`` is JSON."""

    id: str
    locale: str | None = None
    time_zone: str | None = None
    channels: dict[str, str] = field(default_factory=dict)
    data: bytes = b"{}"
    created_at: int = 0
    updated_at: int = 0
