"""Where streams stand: the view of it that the database keeps, and a cache of that in each process."""

import asyncio
from collections.abc import Collection, Sequence

import msgspec
from cachetools import LRUCache
from msgspec import Struct
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from inbox.model import Head
from inbox.store.mongo.database import Database, duplicates
from inbox.store.mongo.records import Place, Record, document_of
from inbox.times import monotonic_s

CACHE_S = 10.0
CACHE_STREAMS = 100_000

UNWRITTEN = Place()


class Standing(Struct, frozen=True):
    """A place, and the monotonic time (s) before the request that told it: what it is too old for counts from there."""

    place: Place
    since_s: float


class Heads:
    """Reads and writes ``heads``, a view of the log: ``at`` never stands before a closed entry.

    A writer may take its number from an old place: the log's unique index tells it if somebody was first.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self._cache: LRUCache[str, Standing] = LRUCache(CACHE_STREAMS)

    async def standings(self, streams: Collection[str]) -> dict[str, Standing]:
        """Where ``streams`` stand, as known here up to 10 s ago, else as the view says."""
        oldest_s = monotonic_s() - CACHE_S
        known = {s: found for s in streams if (found := self._cache.get(s)) is not None and found.since_s >= oldest_s}
        return {**known, **await self.fresh([stream for stream in streams if stream not in known])}

    async def fresh(self, streams: Sequence[str]) -> dict[str, Standing]:
        """Where ``streams`` stand by the view, now."""
        if not streams:
            return {}
        since_s = monotonic_s()
        places = await self.places(streams)
        return {stream: Standing(places.get(stream, UNWRITTEN), since_s) for stream in streams}

    async def overtaken(self, refused: Sequence[Record]) -> dict[str, Standing]:
        """Where the streams of ``refused`` stand, of which another writer took the number.

        The view may not show the other's entry yet, so that one is read too: it tells where the stream stood after it.
        One that an erasure has emptied tells nothing, but the view stands beyond it.
        """
        since_s = monotonic_s()
        places, winners = await asyncio.gather(
            self.places([record.stream for record in refused]),
            self._db.log.find({"_id": {"$in": [record.key for record in refused]}}).to_list(),
        )
        for winner in (Record.of(document) for document in winners if "kind" in document):
            if winner.seq > places.get(winner.stream, UNWRITTEN).seq:
                places[winner.stream] = winner.place
        return {r.stream: Standing(places.get(r.stream, UNWRITTEN), since_s) for r in refused}

    async def places(self, streams: Sequence[str]) -> dict[str, Place]:
        """The view's places of those of ``streams`` that were ever written."""
        documents = self._db.heads.find({"_id": {"$in": list(streams)}}, {"at": 1})
        return {document["_id"]: msgspec.convert(document["at"], Place) async for document in documents}

    async def place_and_floor(self, stream: str) -> tuple[Place, int]:
        """The view's place, and the number up to which the log is trimmed."""
        document = await self._db.heads.find_one({"_id": stream}, {"at": 1, "floor": 1})
        if document is None:
            return UNWRITTEN, 0
        return msgspec.convert(document["at"], Place), document.get("floor", 0)

    async def places_and_floors(self, streams: Sequence[str]) -> dict[str, tuple[Place, int]]:
        """``place_and_floor`` of those of ``streams`` that were ever written."""
        documents = self._db.heads.find({"_id": {"$in": list(streams)}}, {"at": 1, "floor": 1})
        return {d["_id"]: (msgspec.convert(d["at"], Place), d.get("floor", 0)) async for d in documents}

    async def heads(self, streams: Sequence[str]) -> list[Head]:
        places = await self.places(streams)
        return [self._db.head(places.get(stream, UNWRITTEN)) for stream in streams]

    def remember(self, records: Sequence[Record], since_s: float) -> None:
        """``records`` were written here; the time is from before they were."""
        for record in records:
            self._cache[record.stream] = Standing(record.place, since_s)

    async def advance(self, records: Sequence[Record]) -> None:
        """Move the view to ``records``, wherever it does not stand beyond them already."""
        moves = [_advance(record) for record in records]
        try:
            await self._db.heads.bulk_write(moves, ordered=False)
        except BulkWriteError as error:
            # Two made the same head at once. It is there now, so the loser's move finds it.
            await self._db.heads.bulk_write([moves[i] for i in duplicates(error)], ordered=False)

    async def acked(self, stream: str) -> int:
        document = await self._db.heads.find_one({"_id": stream}, {"acked": 1})
        return 0 if document is None else int(document.get("acked", 0))

    async def ack(self, acks: dict[str, int]) -> None:
        """Raise what clients confirmed, never above the head."""
        places = await self.places(list(acks))
        if places:
            raised = [(stream, min(acks[stream], place.seq)) for stream, place in places.items()]
            await self._db.heads.bulk_write(
                [UpdateOne({"_id": stream}, {"$max": {"acked": seq}}) for stream, seq in raised], ordered=False
            )


def _advance(record: Record) -> UpdateOne:
    view = {"$max": {"at": document_of(record.place)}, "$setOnInsert": {"trim_at": record.at}}
    return UpdateOne({"_id": record.stream}, view, upsert=True)
