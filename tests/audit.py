"""The judge of a store: reads everything back and compares it with a model too simple to be wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from inbox.collapse import newest_actors
from inbox.errors import StreamReset
from inbox.ids import item_id
from inbox.model import Counts, Cursor, Entry, Head, Item
from inbox.store.base import Store

PAGE_ITEMS = 100
LOG_ENTRIES = 500


def plain(item: Item) -> Item:
    """``item`` with its actors spelled out, so that equal items are equal."""
    return replace(item, actors=item.notification.actors if item.actors is None else item.actors)


def marked(item: Item, kind: str, at: int) -> Item:
    """``item`` after a mark."""
    match kind:
        case "read":
            seen_at = at if item.seen_at is None else item.seen_at
            return replace(item, seen_at=seen_at, read_at=at if item.read_at is None else item.read_at)
        case "unread":
            return replace(item, read_at=None)
        case "seen":
            return replace(item, seen_at=at if item.seen_at is None else item.seen_at)
        case "archived":
            return replace(item, archived_at=at if item.archived_at is None else item.archived_at)
        case "unarchived":
            return replace(item, archived_at=None)
    raise AssertionError(f"no mark is called {kind}")


class Replay:
    """A stream told from its log alone. Every entry is checked against what came before it.

    :param stream: its key, if the ids of its items are to be checked.
    :param seq: where it begins: 0, or the number of the entry that erased it.
    """

    def __init__(self, stream: str | None = None, seq: int = 0) -> None:
        self._stream = stream
        self._places: dict[str, int] = {}
        self.seq = seq
        self.items: dict[str, Item] = {}
        self.notifications: list[str] = []
        """Those that came to this stream, in order: each put an item there, or took one over."""

    @property
    def counts(self) -> Counts:
        live = [item for item in self.items.values() if item.archived_at is None]
        return Counts(sum(item.read_at is None for item in live), sum(item.seen_at is None for item in live))

    def page(self) -> list[Item]:
        """All items, newest on top."""
        return sorted(self.items.values(), key=lambda item: -self._places[item.id])

    def apply(self, entry: Entry) -> None:
        assert entry.seq == self.seq + 1, f"the log is not dense: {entry.seq} follows {self.seq}"
        self.seq = entry.seq
        if entry.kind == "created":
            self._create(entry)
        elif entry.kind == "updated":
            self._update(entry)
        else:
            self._mark(entry)
        assert entry.counts == self.counts, f"entry {entry.seq} says {entry.counts}, its items {self.counts}"

    def _create(self, entry: Entry) -> None:
        assert entry.item is not None
        item = plain(entry.item)
        made_from = item.notification
        assert item == Item(item.id, entry.seq, made_from, actors=made_from.actors), f"born with a past: {item}"
        assert self._stream is None or item.id == item_id(self._stream, made_from.id)
        self._arrive(item)

    def _update(self, entry: Entry) -> None:
        assert entry.item is not None
        item = plain(entry.item)
        before = self.items[item.id]
        if item.notification.id == before.notification.id:
            assert item.notification.version > before.notification.version, f"entry {entry.seq} updates nothing"
            assert item == replace(before, seq=entry.seq, notification=item.notification)
            self.items[item.id] = item
        else:
            assert before.read_at is None, f"entry {entry.seq} takes over an item that was read"
            assert before.archived_at is None, f"entry {entry.seq} takes over an archived item"
            assert item.notification.collapse_key == before.notification.collapse_key
            merged = newest_actors(item.notification.actors, before.actors or b"")
            assert item == Item(item.id, entry.seq, item.notification, collapsed=before.collapsed + 1, actors=merged), (
                f"not what taking over makes of {before}: {item}"
            )
            self._arrive(item)

    def _arrive(self, item: Item) -> None:
        """A notification put ``item`` on top."""
        shown = item.notification.id
        assert shown not in self.notifications, f"{shown} came twice"
        self.notifications.append(shown)
        self.items[item.id] = item
        self._places[item.id] = item.seq

    def _mark(self, entry: Entry) -> None:
        for id in self._named(entry):
            before = self.items[id]
            if entry.kind == "removed":
                assert entry.reason in ("user", "cancelled", "expired")
                del self.items[id]
                continue
            self.items[id] = marked(before, entry.kind, entry.at)
            assert self.items[id] != before or entry.ids is None, f"entry {entry.seq} names {id} for nothing"

    def _named(self, entry: Entry) -> Iterable[str]:
        if entry.ids is not None:
            assert entry.ids, f"entry {entry.seq} changes nothing"
            assert len(set(entry.ids)) == len(entry.ids)
            return entry.ids
        assert entry.upto is not None
        return [id for id, item in self.items.items() if item.seq <= entry.upto]


def replay(entries: Iterable[Entry], stream: str | None = None, seq: int = 0) -> Replay:
    """The stream after ``entries``, which follow on ``seq``."""
    told = Replay(stream, seq)
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

    :param known: the whole log as it was announced, where the store's has been trimmed; of the newest incarnation.
    :raises AssertionError: the first contradiction.
    """
    (head,) = await store.heads([stream])
    reach = 0 if known is None and is_first(head) else await log_begin(store, stream, head)
    kept = await read_log(store, stream, Cursor(head.epoch, reach))
    begin = known[0].seq - 1 if known else reach
    log = kept if known is None else list(known)
    assert kept == log[reach - begin :], "the store's log is not the end of the known one"
    told = replay(log, stream, begin)
    assert (told.seq, told.counts) == (head.seq, head.counts), f"the head {head} is not where the log ends"
    items = await read_items(store, stream)
    assert [plain(item) for item in items] == told.page()
    return Audit(head, items, log)


def is_first(head: Head) -> bool:
    """Whether the stream was never erased."""
    return head.epoch.endswith(".0")


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
