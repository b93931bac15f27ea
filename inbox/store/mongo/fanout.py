"""The fan-out of a notification: one chunk of its recipients, or of the members of its topic, at a time."""

from collections.abc import Sequence

from inbox.ids import stream_key
from inbox.store.mongo.append import Appender, Places, Standings
from inbox.store.mongo.audience import Audience
from inbox.store.mongo.closing import Closer
from inbox.store.mongo.contents import Contents
from inbox.store.mongo.decisions import created, taken_over
from inbox.store.mongo.heads import Heads
from inbox.store.mongo.items import Items
from inbox.store.mongo.jobs import Job, Jobs
from inbox.store.mongo.locks import Locks
from inbox.store.mongo.log import Log
from inbox.store.mongo.records import Record, item_key
from inbox.store.mongo.views import Views
from inbox.times import now_ms

CHUNK = 500
"""Members of a topic in one step: few enough that nobody waits long for the loop or for a lock."""


class FanOut:
    def __init__(
        self,
        log: Log,
        heads: Heads,
        items: Items,
        views: Views,
        contents: Contents,
        appender: Appender,
        closer: Closer,
        jobs: Jobs,
        audience: Audience,
        locks: Locks,
    ) -> None:
        self._log = log
        self._heads = heads
        self._items = items
        self._views = views
        self._contents = contents
        self._appender = appender
        self._closer = closer
        self._jobs = jobs
        self._audience = audience
        self._locks = locks

    async def step(self, job: Job) -> Job | None:
        """Reach the next of them; the job as it stands then, ``None`` if somebody else has moved it.

        Somebody may have reached some of them before, or be at it now.
        """
        if job.topic is None:
            users: Sequence[str] = job.recipients
        else:
            users = await self._audience.chunk(job.topic.uid, job.cursor, CHUNK)
        streams = streams_of(job.tenant, users)
        async with self._locks.hold(streams):
            written = await self._reach(job, await self._heads.standings(streams), are_new=False)
            is_last = job.topic is None or len(users) < CHUNK
            return await self._conclude(job, written, users, is_last)

    async def first(self, job: Job, standings: Standings) -> None:
        """Reach the recipients of a job that was just made.

        :param standings: read *before* its record existed: whatever another driver of this job writes comes after these
            heads, so its entry and ours exclude each other, and nobody need look who has the item already.
        """
        written = await self._reach(job, standings, are_new=True)
        await self._conclude(job, written, job.recipients, is_last=True)

    async def _conclude(self, job: Job, written: list[Record], users: Sequence[str], is_last: bool) -> Job | None:
        """Show what was written, count it, and close it knowing how the job stands after it was shown."""
        await self._closer.show(written)
        reached = job.fanned_out + len(users)
        if is_last:
            moved = await self._jobs.move(job, state="done", fanned_out=reached)
        else:
            moved = await self._jobs.move(job, cursor=users[-1], fanned_out=reached)
        news = {job.id: moved.news} if moved is not None else await self._jobs.news([job.id])
        await self._closer.close(written, news)
        return moved

    async def _reach(self, job: Job, standings: Standings, *, are_new: bool) -> list[Record]:
        """Append to each of these streams what brings the notification; what was written, not yet shown."""
        if job.collapse_key is not None:
            return await self._appender.append(standings, lambda places: self._collapse(job, places))
        unwritten = are_new

        async def decide(places: Places) -> list[Record]:
            nonlocal unwritten
            left = places if unwritten else await self._without(job, places)
            unwritten = False
            return [created(stream, place, job.id, job.version, now_ms()) for stream, place in left.items()]

        return await self._appender.append(standings, decide)

    async def _without(self, job: Job, places: Places) -> Places:
        """Those of these streams that this job has not written to.

        The log is asked before the items, and after the heads were read: an entry of the job is open in the log, or
        its item is there, or it comes after that head and excludes ours.
        """
        found = await self._closer.finish_found(await self._log.by_writer(list(places), job.id)) if places else []
        had = {record.stream for record in found}
        return await self._without_items(job, {stream: place for stream, place in places.items() if stream not in had})

    async def _without_items(self, job: Job, places: Places) -> Places:
        keys = {stream: item_key(stream, place.incarnation, job.id) for stream, place in places.items()}
        there = await self._items.existing(list(keys.values()))
        return {stream: place for stream, place in places.items() if keys[stream] not in there}

    async def _collapse(self, job: Job, places: Places) -> list[Record]:
        """Every stream's unread item of the same key is taken over, or there is a new one."""
        assert job.collapse_key is not None
        left = await self._without_items(job, await self._views.settle(places))
        unread = await self._items.unread(left, job.collapse_key)
        shown = await self._contents.one(job.id, job.version)
        at = now_ms()
        return [
            taken_over(place, unread[stream], shown, at)
            if stream in unread
            else created(stream, place, job.id, job.version, at)
            for stream, place in left.items()
        ]


def streams_of(tenant: str, users: Sequence[str]) -> tuple[str, ...]:
    return tuple(stream_key(tenant, user) for user in users)
