"""Finishing entries: their views are made, listeners get them, and they are closed.

**Changes of mind.** A notification may be cancelled or amended while an entry that brings it has no views yet: the job
that walks the items which show it misses that one. So whoever is about to close such an entry, its item being there,
looks at the notification and appends what the job has missed. A change after that look comes before its job's walk,
which finds the item.
"""

from collections.abc import Awaitable, Iterable, Mapping, Sequence

from inbox.store.mongo.append import Appender, Places
from inbox.store.mongo.contents import Contents
from inbox.store.mongo.database import Database
from inbox.store.mongo.decisions import News, follow
from inbox.store.mongo.heads import Heads
from inbox.store.mongo.items import Items
from inbox.store.mongo.jobs import Jobs
from inbox.store.mongo.log import Log
from inbox.store.mongo.records import Record, item_key
from inbox.store.mongo.views import Views
from inbox.store.outlet import NoOutlet, Outlet
from inbox.times import now_ms

Target = tuple[str, str]
"""A stream, and the notification from which the item there was made."""


class Closer:
    def __init__(
        self,
        database: Database,
        log: Log,
        heads: Heads,
        items: Items,
        views: Views,
        contents: Contents,
        appender: Appender,
        jobs: Jobs,
    ) -> None:
        self._db = database
        self._log = log
        self._heads = heads
        self._items = items
        self._views = views
        self._contents = contents
        self._appender = appender
        self._jobs = jobs
        self.outlet: Outlet = NoOutlet()

    async def finish(self, records: Sequence[Record], making_items: Awaitable[None] | None = None) -> None:
        """Finish entries that are no ghosts.

        :param making_items: as for ``Views.make``.
        """
        await self.show(records, making_items)
        brought = {record.n for record in records if record.brought}
        await self.close(records, await self._jobs.news(brought))

    async def finish_found(self, records: Sequence[Record]) -> list[Record]:
        """Finish what is open of entries that were read. Ghosts among them are deleted, the rest is returned."""
        real = await self._log.without_ghosts(records)
        if unfinished := [record for record in real if record.open]:
            await self.finish(unfinished)
        return real

    async def show(self, records: Sequence[Record], making_items: Awaitable[None] | None = None) -> None:
        """Make the views of ``records`` and tell the outlet."""
        await self._views.make(records, making_items)
        wanted = [record for record in records if self.outlet.wants(record.stream)]
        notifications = await self._contents.get(record.shown for record in wanted)
        for record in wanted:
            epoch = self._db.epoch(record.place.incarnation)
            self.outlet.emit(record.stream, epoch, record.entry(notifications.get(record.shown)))

    async def close(self, records: Sequence[Record], news: Mapping[str, News]) -> None:
        """Close entries that were shown.

        :param news: of every notification that came with them, learnt after they were shown.
        """
        for each in news.values():
            brought = [record for record in records if record.brought and record.n == each.id]
            late = [record for record in brought if each.is_over or each.version > record.version]
            await self.bring_up_to_date(each, [(record.stream, record.origin) for record in late])
        if records:
            await self._log.close(records)

    async def bring_up_to_date(self, news: News, targets: Iterable[Target]) -> None:
        """Give every one of these items that shows the notification otherwise the entry that changes that."""
        by_stream: dict[str, list[str]] = {}
        for stream, origin in targets:
            by_stream.setdefault(stream, []).append(origin)

        async def decide(places: Places) -> list[Record]:
            settled = await self._views.settle(places)
            keys = [item_key(s, place.incarnation, one) for s, place in settled.items() for one in by_stream[s]]
            found, at = await self._items.there(keys), now_ms()
            changes = [follow(settled[item.stream], item, news, at) for item in found]
            return [change for change in changes if change is not None]

        written = await self._appender.append(await self._heads.fresh(list(by_stream)), decide)
        await self.show(written)
        if written:
            await self._log.close(written)
