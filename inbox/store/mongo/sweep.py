"""Finishing what dead writers began."""

from collections.abc import Sequence
from functools import partial

from inbox.store.mongo.closing import Closer
from inbox.store.mongo.log import Log
from inbox.store.mongo.patience import persist
from inbox.store.mongo.records import Record
from inbox.times import monotonic_s

OPEN_S = 2.0
"""An entry open for longer, as seen here, has lost its writer (or will not mind)."""
ENTRIES_MAX = 1_000
"""What one round looks at."""


class Sweeper:
    def __init__(self, log: Log, closer: Closer) -> None:
        self._log = log
        self._closer = closer
        self._first_seen_s: dict[tuple[str, str], float] = {}

    async def sweep(self) -> int:
        """One round; how many entries were finished."""
        found = await persist(partial(self._log.open_anywhere, ENTRIES_MAX))
        return len(await persist(partial(self._closer.finish_found, self._abandoned(found))))

    def _abandoned(self, found: Sequence[Record]) -> list[Record]:
        """Those of ``found`` that were found open ``OPEN_S`` ago already."""
        now_s = monotonic_s()
        self._first_seen_s = {who: self._first_seen_s.get(who, now_s) for r in found for who in [(r.stream, r.n)]}
        return [r for r in found if now_s - self._first_seen_s[r.stream, r.n] > OPEN_S]
