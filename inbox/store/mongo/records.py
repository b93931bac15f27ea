"""What the documents look like: entries of the log, and the views made of them (items, heads).

A view is one embedded document that begins with the number of the entry it stands at: ``items.state`` and
``heads.at``. It is written with ``$max``, which compares field by field, so an older view never replaces a newer one,
whatever is repeated or comes late, and no write needs a condition beside ``_id``.
"""

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from inbox.ids import item_id
from inbox.model import Counts, Entry, Item, Kind, Notification
from inbox.store.mongo.shapes import REMOVED, shape_of
from inbox.stream import ItemState

SEQ_MAX = 10**12 - 1
"""Numbers are written in twelve digits, so that ids sort as their numbers do."""

Shown = tuple[str, int]
"""A notification and its version."""


def entry_key(stream: str, seq: int) -> str:
    """The ``_id`` of a log document."""
    return f"{stream}/{seq:012d}"


def item_key(stream: str, incarnation: int, notification: str) -> str:
    """The ``_id`` of an item's document. What is late for an erased incarnation never stands in the way of another."""
    return f"{stream}/{incarnation}/{notification}"


def document_of(struct: Struct) -> dict[str, Any]:
    """``struct`` as the database takes it: bytes stay bytes."""
    document: dict[str, Any] = msgspec.to_builtins(struct, builtin_types=(bytes,))
    return document


class Place(Struct, frozen=True):
    """Where a stream stands: ``heads.at``. The fields are in the order in which ``$max`` compares them."""

    seq: int = 0
    incarnation: int = 0
    unread: int = 0
    unseen: int = 0

    @property
    def counts(self) -> Counts:
        return Counts(self.unread, self.unseen)

    def next(self, counts: Counts) -> "Place":
        """The place after one more entry, which leaves the stream with ``counts``."""
        return Place(self.seq + 1, self.incarnation, counts.unread, counts.unseen)


class State(Struct, frozen=True):
    """``items.state``: the item after entry ``entry``. ``$max`` decides by that field, so it comes first.

    ``seq`` is its newest created/updated entry, ``pos`` the one that last put it there: pages are in that order.
    ``shows`` is the notification it shows, in ``version``.
    """

    entry: int
    shape: int = 0
    seq: int = 0
    pos: int = 0
    category: str = ""
    shows: str = ""
    version: int = 1
    collapsed: int = 0
    actors: bytes | None = None
    seen_at: int | None = None
    read_at: int | None = None
    archived_at: int | None = None
    removed_at: int | None = None


class StoredItem(Struct, frozen=True, omit_defaults=True):
    """One document of ``items``. ``notification`` is the one it was made from.

    A notification that took another's item over has a document as well, which stands for "it was here" and looks like
    a removed item.
    """

    stream: str
    incarnation: int
    notification: str
    state: State
    collapse_key: str | None = None

    @property
    def key(self) -> str:
        return item_key(self.stream, self.incarnation, self.notification)

    @property
    def id(self) -> str:
        return item_id(self.stream, self.notification)

    @property
    def shown(self) -> Shown:
        return self.state.shows, self.state.version

    @property
    def is_there(self) -> bool:
        return self.state.shape != REMOVED

    @property
    def marks(self) -> ItemState:
        """As marks look at it."""
        state = self.state
        return ItemState(self.id, state.seen_at, state.read_at, state.archived_at, state.removed_at)

    def marked(self, entry: int, marks: ItemState) -> "StoredItem":
        """The item after a mark."""
        state = replace(
            self.state,
            entry=entry,
            shape=shape_of(marks),
            seen_at=marks.seen_at,
            read_at=marks.read_at,
            archived_at=marks.archived_at,
            removed_at=marks.removed_at,
        )
        return replace(self, state=state)

    def document(self) -> dict[str, Any]:
        return {"_id": self.key, **document_of(self)}

    @classmethod
    def of(cls, document: dict[str, Any]) -> "StoredItem":
        return msgspec.convert(document, cls)

    def item(self, notification: Notification) -> Item:
        """As readers see it."""
        state = self.state
        return Item(
            self.id,
            state.seq,
            notification,
            state.seen_at,
            state.read_at,
            state.archived_at,
            state.collapsed,
            state.actors,
        )


class Record(Struct, frozen=True, omit_defaults=True):
    """One entry of the log. ``n`` names what wrote it: a job (see ``decisions``), or for a mark a name of its own.

    ``version`` is that of a notification which came with it, ``item`` what ``updated`` makes of the item.
    ``open``: its views may not be made yet.
    """

    stream: str
    seq: int
    n: str
    kind: Kind
    at: int
    place: Place
    ids: tuple[str, ...] | None = None
    upto: int | None = None
    reason: str | None = None
    version: int = 1
    item: StoredItem | None = None
    open: bool = False

    @property
    def key(self) -> str:
        return entry_key(self.stream, self.seq)

    @property
    def shown(self) -> Shown | None:
        """What readers are shown with it."""
        if self.kind == "created":
            return self.n, self.version
        return None if self.item is None else self.item.shown

    @property
    def took_over(self) -> bool:
        return self.item is not None and self.item.state.shows == self.n

    @property
    def brought(self) -> bool:
        """Whether a notification came to the stream with it: it made an item, or took one over."""
        return self.kind == "created" or self.took_over

    @property
    def origin(self) -> str:
        """The notification that the item was made from, which this brought or updated."""
        return self.n if self.item is None else self.item.notification

    def document(self) -> dict[str, Any]:
        return {"_id": self.key, **document_of(self)}

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Record":
        return msgspec.convert(document, cls)

    def created_item(self, notification: Notification) -> StoredItem:
        """The item that ``created`` makes."""
        by_key = notification.collapse_key is not None
        state = State(
            self.seq,
            seq=self.seq,
            pos=self.seq,
            category=notification.category,
            shows=self.n,
            version=self.version,
            actors=notification.actors if by_key else None,
        )
        return StoredItem(self.stream, self.place.incarnation, self.n, state, notification.collapse_key)

    def footprint(self) -> StoredItem:
        """What stands for the notification that took an item over."""
        state = State(self.seq, REMOVED, removed_at=self.at)
        return StoredItem(self.stream, self.place.incarnation, self.n, state)

    def entry(self, notification: Notification | None) -> Entry:
        """As readers see it.

        :param notification: what ``shown`` names.
        """
        shown = self.item
        if notification is not None and shown is None:
            shown = self.created_item(notification)
        item = None if notification is None or shown is None else shown.item(notification)
        return Entry(self.seq, self.kind, self.at, self.place.counts, item, self.ids, self.upto, self.reason)
