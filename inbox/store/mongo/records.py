"""What the documents look like: entries of the log, and the views made of them (items, heads).

A view is one embedded document that begins with the number of the entry it stands at: ``items.state`` and
``heads.at``. It is written with ``$max``, which compares field by field, so an older view never replaces a newer one,
whatever is repeated or comes late, and no write needs a condition beside ``_id``.
"""

from typing import Any

import msgspec
from msgspec import Struct

from inbox.ids import item_id
from inbox.model import Counts, Entry, Item, Kind, Notification
from inbox.store.mongo.shapes import shape_of
from inbox.stream import ItemState

SEQ_MAX = 10**12 - 1
"""Numbers are written in twelve digits, so that ids sort as their numbers do."""


def entry_key(stream: str, seq: int) -> str:
    """The ``_id`` of a log document."""
    return f"{stream}/{seq:012d}"


def item_key(stream: str, notification: str) -> str:
    """The ``_id`` of an item's document."""
    return f"{stream}/{notification}"


class Place(Struct, frozen=True):
    """Where a stream stands: ``heads.at``. The fields are in the order in which ``$max`` compares them."""

    seq: int = 0
    incarnation: int = 0
    unread: int = 0
    unseen: int = 0

    @property
    def counts(self) -> Counts:
        return Counts(self.unread, self.unseen)


class Record(Struct, frozen=True, omit_defaults=True):
    """One entry of the log. ``n`` names what wrote it: the notification's id, or for a mark a name of its own.

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
    open: bool = False

    @property
    def key(self) -> str:
        return entry_key(self.stream, self.seq)

    def document(self) -> dict[str, Any]:
        return {"_id": self.key, **msgspec.to_builtins(self)}

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Record":
        return msgspec.convert(document, cls)

    def entry(self, notification: Notification | None) -> Entry:
        """As readers see it.

        :param notification: what a ``created`` shows, and only that.
        """
        item = None
        if notification is not None:
            item = Item(item_id(self.stream, notification.id), self.seq, notification)
        return Entry(self.seq, self.kind, self.at, self.place.counts, item, self.ids, self.upto, self.reason)


class State(Struct, frozen=True):
    """``items.state``: the item after entry ``entry``."""

    entry: int
    shape: int = 0
    seen_at: int | None = None
    read_at: int | None = None
    archived_at: int | None = None
    removed_at: int | None = None

    @classmethod
    def at(cls, entry: int, state: ItemState) -> "State":
        return cls(entry, shape_of(state), state.seen_at, state.read_at, state.archived_at, state.removed_at)


class StoredItem(Struct, frozen=True):
    """One document of ``items``. ``seq`` is the entry that created it."""

    stream: str
    seq: int
    notification: str
    category: str
    state: State

    @property
    def key(self) -> str:
        return item_key(self.stream, self.notification)

    @property
    def item_state(self) -> ItemState:
        """As marks look at it, under its public id."""
        state = self.state
        id = item_id(self.stream, self.notification)
        return ItemState(id, state.seen_at, state.read_at, state.archived_at, state.removed_at)

    def document(self) -> dict[str, Any]:
        return {"_id": self.key, **msgspec.to_builtins(self)}

    @classmethod
    def of(cls, document: dict[str, Any]) -> "StoredItem":
        return msgspec.convert(document, cls)

    def item(self, notification: Notification) -> Item:
        """As readers see it."""
        state = self.state
        id = item_id(self.stream, self.notification)
        return Item(id, self.seq, notification, state.seen_at, state.read_at, state.archived_at)
