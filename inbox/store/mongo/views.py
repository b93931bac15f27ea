"""Making the views of log entries: items and heads. Repeating it, or being late with it, changes nothing."""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence

from inbox.model import MARK_KINDS, MarkOp
from inbox.store.mongo.contents import Contents
from inbox.store.mongo.heads import Heads
from inbox.store.mongo.items import Items, inbox_of, keys_named
from inbox.store.mongo.log import Log
from inbox.store.mongo.records import Place, Record, StoredItem
from inbox.stream import marked

OPS: dict[str, MarkOp] = {kind: op for op, kind in MARK_KINDS.items()}


class Views:
    def __init__(self, log: Log, heads: Heads, items: Items, contents: Contents) -> None:
        self._log = log
        self._heads = heads
        self._items = items
        self._contents = contents

    async def make(self, records: Sequence[Record], making_items: Awaitable[None] | None = None) -> None:
        """Bring ``records``, which are no ghosts, into the views.

        :param making_items: what brings them into the items, where the caller knows more than they say.
        """
        if records:
            await asyncio.gather(making_items or self._make_items(records), self._heads.advance(records))

    async def settle(self, places: Mapping[str, Place]) -> dict[str, Place]:
        """Make the views of what is open in streams that stood at ``places`` before this call; where they stand then.

        Every entry up to there either was closed when the open ones were read, so it is in the items, or was open.
        """
        found = await self._log.without_ghosts(await self._log.open_in(list(places))) if places else []
        await self.make(found)
        settled = dict(places)
        for record in found:
            settled[record.stream] = max(settled[record.stream], record.place, key=lambda place: place.seq)
        return settled

    async def _make_items(self, records: Sequence[Record]) -> None:
        """What changes an item comes after what made it, and changes come in order."""
        if brought := [record for record in records if record.brought]:
            await self._items.create(await self._arrivals(brought))
        for turn in _turns(record for record in records if record.kind != "created"):
            for record in turn:
                if record.upto is not None:
                    await self._mark_upto(record, record.upto)
            await self._items.write(await self._changed(turn))

    async def _arrivals(self, records: Sequence[Record]) -> list[StoredItem]:
        made = [record for record in records if record.kind == "created"]
        notifications = await self._contents.get(record.shown for record in made)
        items = [record.created_item(notifications[record.shown]) for record in made]
        return items + [record.footprint() for record in records if record.took_over]

    async def _mark_upto(self, record: Record, upto: int) -> None:
        inbox = inbox_of(record.stream, record.place)
        await self._items.mark_upto(inbox, record.seq, upto, OPS[record.kind], record.at)

    async def _changed(self, records: Sequence[Record]) -> list[StoredItem]:
        """The items after ``records``, at most one of each stream."""
        updated = [record.item for record in records if record.item is not None]
        by = {key: r for r in records if r.ids for key in keys_named(r.stream, r.place, r.ids)}
        # Items that stand later already refuse what is made of them here.
        marks = [(by[item.key], item) for item in await self._items.there(list(by))] if by else []
        return updated + [item.marked(r.seq, marked(OPS[r.kind], item.marks, r.at)) for r, item in marks]


def _turns(records: Iterable[Record]) -> Iterator[list[Record]]:
    """``records`` so that in each turn there is one of each stream, the oldest first."""
    streams: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda record: record.seq, reverse=True):
        streams.setdefault(record.stream, []).append(record)
    while streams:
        yield [waiting.pop() for waiting in streams.values()]
        streams = {stream: waiting for stream, waiting in streams.items() if waiting}
