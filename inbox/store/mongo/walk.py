"""Going through the items that show a notification, wherever they are, to remove them or to show its newest version."""

from inbox.store.mongo.closing import Closer
from inbox.store.mongo.fanout import streams_of
from inbox.store.mongo.heads import Heads
from inbox.store.mongo.items import Items
from inbox.store.mongo.jobs import Job, Jobs
from inbox.store.mongo.locks import Locks
from inbox.store.mongo.views import Views

CHUNK = 500
"""Items in one step."""


class Walk:
    def __init__(self, heads: Heads, items: Items, views: Views, closer: Closer, jobs: Jobs, locks: Locks) -> None:
        self._heads = heads
        self._items = items
        self._views = views
        self._closer = closer
        self._jobs = jobs
        self._locks = locks

    async def step(self, job: Job) -> Job | None:
        """Bring the next items up to date; the job as it stands then, ``None`` if somebody else has moved it."""
        if not job.walk:
            await self._look_for_items(job)
        found = await self._items.showing(job.id, job.walk or "", CHUNK)
        async with self._locks.hold({item.stream for item in found}):
            await self._closer.bring_up_to_date(job.news, [(item.stream, item.notification) for item in found])
        return await self._jobs.move(job, walk=found[-1].key if len(found) == CHUNK else None)

    async def _look_for_items(self, job: Job) -> None:
        """Make the items that a stopped fan-out may owe. ``recipients`` are there only if it was under way."""
        standings = await self._heads.fresh(streams_of(job.tenant, job.recipients))
        await self._views.settle({stream: standing.place for stream, standing in standings.items()})
