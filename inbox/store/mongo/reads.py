"""What readers see: pages of items, pages of the log."""

from collections.abc import Sequence

from msgspec import Struct

from inbox.errors import StreamReset
from inbox.model import Changes, Cursor, Entry, Page, Status
from inbox.store.mongo.contents import Contents
from inbox.store.mongo.database import Database
from inbox.store.mongo.heads import UNWRITTEN, Heads
from inbox.store.mongo.items import Items, inbox_of
from inbox.store.mongo.log import Log
from inbox.store.mongo.records import SEQ_MAX, Place, Record, StoredItem
from inbox.store.mongo.shapes import SHOWN
from inbox.store.mongo.views import Views
from inbox.stream import is_reset

PAGE_TRIES = 3


class PageQuery(Struct, frozen=True):
    """Which items: see ``Store.page``."""

    stream: str
    limit: int
    before: int | None
    status: Status
    category: str | None


class Reads:
    def __init__(
        self, database: Database, log: Log, heads: Heads, items: Items, views: Views, contents: Contents
    ) -> None:
        self._db = database
        self._log = log
        self._heads = heads
        self._items = items
        self._views = views
        self._contents = contents

    async def page(self, query: PageQuery) -> Page:
        """One page of items, newest on top.

        Items that stand beyond the head show that it moved. After ``PAGE_TRIES`` the page is answered with its head
        nevertheless: the entries after it can be applied to these items once more.
        """
        for _ in range(PAGE_TRIES):
            place = await self._place(query.stream)
            found = await self._find(query, place)
            if all(item.state.entry <= place.seq for item in found):
                break
        shown = found[: query.limit]
        notifications = await self._contents.get(item.shown for item in shown)
        items = tuple(item.item(notifications[item.shown]) for item in shown)
        return Page(self._db.head(place), items, next=shown[-1].state.pos if len(found) > query.limit else None)

    async def _place(self, stream: str) -> Place:
        """Where the items stand, everything finished that was open."""
        places = await self._heads.places([stream])
        return (await self._views.settle({stream: places.get(stream, UNWRITTEN)}))[stream]

    async def _find(self, query: PageQuery, place: Place) -> list[StoredItem]:
        before = SEQ_MAX if query.before is None else max(0, min(query.before, SEQ_MAX))
        inbox = inbox_of(query.stream, place)
        return await self._items.page(inbox, SHOWN[query.status], query.category, before, query.limit + 1)

    async def changes(self, stream: str, since: int, epoch: str, limit: int) -> Changes:
        """
        :raises StreamReset: another epoch, a cursor beyond the head, or the log no longer reaches back.
        """
        while True:
            records = await self._log.after(stream, max(0, min(since, SEQ_MAX)), limit + 1)
            place, floor = await self._heads.place_and_floor(stream)
            if records and records[-1].seq > place.seq:
                place = records[-1].place
            if since > place.seq:
                place = await self._place(stream)  # a reader may be ahead of a view whose writer died
            head = self._db.head(place)
            if is_reset(Cursor(epoch, since), head):
                reach = f"epoch {head.epoch} at 0 to {head.seq}"
                raise StreamReset(f"expected a cursor of {reach}, got {epoch} at {since}: fetch a snapshot")
            # The floor was read after the log: nothing above it was missing there, and nothing here is a ghost.
            if since < floor or records is None or not _goes_on(records, since, place):
                raise StreamReset(f"expected a cursor at {floor} or later, got {since}: the log was trimmed")
            if records or since == place.seq:
                entries = await self._entries(records[:limit])
                return Changes(head, entries, more=since + len(entries) < head.seq)

    async def catch_up(self, wanted: Sequence[tuple[str, Cursor]], limit: int) -> list[Changes | None]:
        """Where the streams stand, then the log, then the floors: three queries. What does not fit is asked alone."""
        streams = [stream for stream, _ in wanted]
        places = {stream: place for stream, (place, _) in (await self._heads.places_and_floors(streams)).items()}
        behind = [
            (stream, cursor.seq, min(place.seq, cursor.seq + limit))
            for stream, cursor in wanted
            if (place := places.get(stream)) is not None and cursor.seq < place.seq
        ]
        records = await self._log.between(behind)
        floors = await self._heads.places_and_floors(list(records)) if records else {}
        notifications = await self._contents.get(r.shown for found in records.values() for r in found or ())
        answers: list[Changes | None] = []
        for stream, cursor in wanted:
            place, found = places.get(stream, UNWRITTEN), records.get(stream, [])
            head = self._db.head(place)
            fits = not is_reset(cursor, head) and found is not None and _goes_on(found, cursor.seq, place)
            if not fits or (not found and cursor.seq < place.seq) or cursor.seq < floors.get(stream, (place, 0))[1]:
                answers.append(await self._alone(stream, cursor, limit))
                continue
            entries = tuple(record.entry(notifications.get(record.shown)) for record in found or ())
            answers.append(Changes(head, entries, more=cursor.seq + len(entries) < head.seq))
        return answers

    async def _alone(self, stream: str, cursor: Cursor, limit: int) -> Changes | None:
        try:
            return await self.changes(stream, cursor.seq, cursor.epoch, limit)
        except StreamReset:
            return None

    async def _entries(self, records: Sequence[Record]) -> tuple[Entry, ...]:
        notifications = await self._contents.get(record.shown for record in records)
        return tuple(record.entry(notifications.get(record.shown)) for record in records)


def _goes_on(records: Sequence[Record], since: int, place: Place) -> bool:
    """Whether these entries follow ``since``, all of this incarnation: nobody is led over an erasure."""
    same = all(each.kind != "erased" and each.place.incarnation == place.incarnation for each in records)
    return same and (not records or records[0].seq == since + 1)
