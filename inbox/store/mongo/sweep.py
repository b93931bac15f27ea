"""Finishing what dead writers began."""

from collections.abc import Sequence
from functools import partial

from inbox.store.mongo.log import Log
from inbox.store.mongo.patience import persist
from inbox.store.mongo.publish import Publisher
from inbox.store.mongo.records import Record
from inbox.store.mongo.views import Views
from inbox.times import monotonic_s

OPEN_S = 2.0
"""An entry open for longer, as seen here, has lost its writer (or will not mind)."""
ENTRIES_MAX = 1_000
JOBS_MAX = 20
"""What one round looks at and takes over."""


class Sweeper:
    def __init__(self, log: Log, views: Views, publisher: Publisher) -> None:
        self._log = log
        self._views = views
        self._publisher = publisher
        self._first_seen_s: dict[tuple[str, str], float] = {}

    async def sweep(self) -> int:
        """One round; how many entries and jobs were finished."""
        found = await persist(partial(self._log.open_anywhere, ENTRIES_MAX))
        real = await persist(partial(self._views.finish_found, self._abandoned(found)))
        return len(real) + await self._drive_jobs()

    def _abandoned(self, found: Sequence[Record]) -> list[Record]:
        """Those of ``found`` that were found open ``OPEN_S`` ago already."""
        now_s = monotonic_s()
        self._first_seen_s = {who: self._first_seen_s.get(who, now_s) for r in found for who in [(r.stream, r.n)]}
        return [r for r in found if now_s - self._first_seen_s[r.stream, r.n] > OPEN_S]

    async def _drive_jobs(self) -> int:
        for done in range(JOBS_MAX):
            job = await persist(self._publisher.overdue)
            if job is None:
                return done
            await persist(partial(self._publisher.drive, job))
        return JOBS_MAX
