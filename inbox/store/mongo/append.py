"""Appending: what an entry says is decided by where its stream stands, and again whenever somebody was first."""

from collections.abc import Awaitable, Callable, Mapping

from inbox.store.mongo.heads import Heads, Standing
from inbox.store.mongo.log import Log
from inbox.store.mongo.records import Place, Record
from inbox.times import monotonic_s

Standings = Mapping[str, Standing]
Places = Mapping[str, Place]
Decide = Callable[[Places], Awaitable[list[Record]]]
"""From where streams stand to the entries that follow, at most one of each; streams without one are done with."""


class Appender:
    def __init__(self, log: Log, heads: Heads) -> None:
        self._log = log
        self._heads = heads

    async def append(self, standings: Standings, decide: Decide) -> list[Record]:
        """Append what ``decide`` says until no stream refuses it; what was written, its views not made."""
        written: list[Record] = []
        while standings:
            records = await decide({stream: standing.place for stream, standing in standings.items()})
            if not records:
                break
            began_s = monotonic_s()
            stands = await self._log.append(records, min(standings[r.stream].since_s for r in records))
            self._heads.remember(stands, began_s)
            written += stands
            standings = await self._beaten(records, stands)
        return written

    async def _beaten(self, records: list[Record], stands: list[Record]) -> Standings:
        known = {record.stream for record in stands}
        refused = [record for record in records if record.stream not in known]
        return await self._heads.overtaken(refused) if refused else {}
