"""The judge of a store: reads everything back and compares it with a model too simple to be wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inbox.errors import StreamReset
from inbox.model import Counts, Cursor, Entry, Head, Item
from inbox.store.base import Store

PAGE_ITEMS = 100
LOG_ENTRIES = 500


@dataclass
class State:
    """An item as the log tells it."""

    seq: int
    seen_at: int | None = None
    read_at: int | None = None
    archived_at: int | None = None

    def apply(self, kind: str, at: int) -> bool:
        """What a mark does to an item that is there; whether it changed anything."""
        before = (self.seen_at, self.read_at, self.archived_at)
        if kind in ("read", "seen") and self.seen_at is None:
            self.seen_at = at
        if kind == "read" and self.read_at is None:
            self.read_at = at
        if kind == "unread":
            self.read_at = None
        if kind == "archived" and self.archived_at is None:
            self.archived_at = at
        if kind == "unarchived":
            self.archived_at = None
        return kind == "removed" or before != (self.seen_at, self.read_at, self.archived_at)


class Replay:
    """A stream told from its log alone. Every entry is checked against what came before it."""

    def __init__(self) -> None:
        self.seq = 0
        self.items: dict[str, State] = {}
        self.notifications: list[str] = []

    @property
    def counts(self) -> Counts:
        live = [state for state in self.items.values() if state.archived_at is None]
        return Counts(sum(state.read_at is None for state in live), sum(state.seen_at is None for state in live))

    def apply(self, entry: Entry) -> None:
        assert entry.seq == self.seq + 1, f"the log is not dense: {entry.seq} follows {self.seq}"
        self.seq = entry.seq
        if entry.kind == "created":
            self._create(entry)
        else:
            self._mark(entry)
        assert entry.counts == self.counts, f"entry {entry.seq} says {entry.counts}, its items {self.counts}"

    def _create(self, entry: Entry) -> None:
        assert entry.item is not None
        shown = entry.item.notification.id
        assert shown not in self.notifications, f"{shown} was created twice"
        self.notifications.append(shown)
        self.items[entry.item.id] = State(entry.seq)

    def _mark(self, entry: Entry) -> None:
        for id in self._named(entry):
            changed = self.items[id].apply(entry.kind, entry.at)
            assert changed or entry.ids is None, f"entry {entry.seq} names {id}, which it does not change"
            if entry.kind == "removed":
                assert entry.reason == "user"
                del self.items[id]

    def _named(self, entry: Entry) -> Iterable[str]:
        if entry.ids is not None:
            assert entry.ids, f"entry {entry.seq} changes nothing"
            assert len(set(entry.ids)) == len(entry.ids)
            return entry.ids
        assert entry.upto is not None
        return [id for id, state in self.items.items() if state.seq <= entry.upto]


def replay(entries: Iterable[Entry]) -> Replay:
    """The stream after ``entries``, which begin at 1."""
    told = Replay()
    for entry in entries:
        told.apply(entry)
    return told


@dataclass
class Audit:
    """A stream that was found exact."""

    head: Head
    items: list[Item]
    log: list[Entry]


async def audit(store: Store, stream: str, known: Sequence[Entry] | None = None) -> Audit:
    """Read all of a stream that nobody writes to now, and check that log, items, counts and heads say the same.

    :param known: the whole log as it was announced, where the store's has been trimmed.
    :raises AssertionError: the first contradiction.
    """
    (head,) = await store.heads([stream])
    reach = 0 if known is None else await log_begin(store, stream, head)
    kept = await read_log(store, stream, Cursor(head.epoch, reach))
    log = kept if known is None else list(known)
    assert kept == log[reach:], "the store's log is not the end of the known one"
    told = replay(log)
    assert (told.seq, told.counts) == (head.seq, head.counts), f"the head {head} is not where the log ends"
    items = await read_items(store, stream)
    assert [(i.id, State(i.seq, i.seen_at, i.read_at, i.archived_at)) for i in items] == list(
        reversed(told.items.items())
    )
    return Audit(head, items, log)


async def read_log(store: Store, stream: str, cursor: Cursor) -> list[Entry]:
    """All entries after ``cursor``."""
    entries: list[Entry] = []
    more = True
    while more:
        since = entries[-1].seq if entries else cursor.seq
        changes = await store.changes(stream, since, cursor.epoch, LOG_ENTRIES)
        entries += changes.entries
        more = changes.more
    return entries


async def read_items(store: Store, stream: str) -> list[Item]:
    """All items, newest first."""
    items: list[Item] = []
    before: int | None = None
    while True:
        page = await store.page(stream, limit=PAGE_ITEMS, before=before, status="all")
        items += page.items
        before = page.next
        if before is None:
            return items


async def log_begin(store: Store, stream: str, head: Head) -> int:
    """The smallest cursor from which the log can still be read."""
    low, high = 0, head.seq
    while low < high:
        middle = (low + high) // 2
        try:
            await store.changes(stream, middle, head.epoch, 1)
            high = middle
        except StreamReset:
            low = middle + 1
    return low
