"""Making the views of log entries: items and heads. Repeating it, or being late with it, changes nothing."""

import asyncio
from collections.abc import Awaitable, Sequence

from inbox.model import MARK_KINDS, MarkOp
from inbox.store.base import NoOutlet, Outlet
from inbox.store.mongo.contents import Contents
from inbox.store.mongo.database import Database
from inbox.store.mongo.heads import Heads
from inbox.store.mongo.items import Items
from inbox.store.mongo.log import Log
from inbox.store.mongo.records import Place, Record, State, StoredItem
from inbox.stream import marked

OPS: dict[str, MarkOp] = {kind: op for op, kind in MARK_KINDS.items()}


class Views:
    """Finishes entries: their views are made, ``outlet`` gets them, they are closed."""

    def __init__(self, database: Database, log: Log, heads: Heads, items: Items, contents: Contents) -> None:
        self._db = database
        self._log = log
        self._heads = heads
        self._items = items
        self._contents = contents
        self.outlet: Outlet = NoOutlet()

    async def finish(self, records: Sequence[Record], making_items: Awaitable[None]) -> None:
        """Finish entries that are no ghosts.

        :param making_items: what brings ``records`` into the items.
        """
        await asyncio.gather(making_items, self._heads.advance(records))
        await self._announce(records)
        await self._log.close(records)

    async def finish_found(self, records: Sequence[Record]) -> list[Record]:
        """Finish what is open of entries that were read. Ghosts among them are deleted, the rest is returned."""
        real = await self._log.without_ghosts(records)
        if unfinished := [record for record in real if record.open]:
            await self.finish(unfinished, self._make_items(unfinished))
        return real

    async def settle(self, stream: str, place: Place) -> Place:
        """Finish what is open in ``stream``, which stood at ``place`` before this call; where the items stand then.

        Every entry up to there either was closed when the open ones were read, so it is in the items, or was open.
        """
        found = await self.finish_found(await self._log.open_in(stream))
        return max([place, *(record.place for record in found)], key=lambda place: place.seq)

    async def create(self, records: Sequence[Record]) -> None:
        """The items of ``created`` entries."""
        notifications = await self._contents.get(record.n for record in records)
        await self._items.create(
            [
                StoredItem(record.stream, record.seq, record.n, notifications[record.n].category, State(record.seq))
                for record in records
            ]
        )

    async def _make_items(self, records: Sequence[Record]) -> None:
        """A mark comes after the creation of what it changes, and marks come in order."""
        if created := [record for record in records if record.kind == "created"]:
            await self.create(created)
        for record in sorted(records, key=lambda record: record.seq):
            if record.kind != "created":
                await self._mark(record)

    async def _mark(self, record: Record) -> None:
        op, stream, seq = OPS[record.kind], record.stream, record.seq
        if record.upto is not None:
            await self._items.mark_upto(stream, seq, record.upto, op, record.at)
            return
        # Items that stand later already refuse what is made of them here.
        states = await self._items.named(stream, record.ids or ())
        await self._items.write(stream, seq, [marked(op, state, record.at) for state in states])

    async def _announce(self, records: Sequence[Record]) -> None:
        wanted = [record for record in records if self.outlet.wants(record.stream)]
        notifications = await self._contents.get(r.n for r in wanted if r.kind == "created")
        for record in wanted:
            epoch = self._db.epoch(record.place.incarnation)
            self.outlet.emit(record.stream, epoch, record.entry(notifications.get(record.n)))
