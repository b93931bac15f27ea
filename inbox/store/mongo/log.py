"""The log: the truth about every stream. Its atomic step is one unique insert.

**Ghosts.** A writer that was stopped may insert a number that was written and trimmed meanwhile. Trimming therefore
raises ``heads.floor`` before it deletes, and stops before the first open entry: whatever stands at or below the floor
is garbage. A writer that took long, and whoever finds an open entry, looks at the floor afterwards.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from inbox.store.mongo.database import Database, Document, duplicates
from inbox.store.mongo.records import SEQ_MAX, Record, entry_key
from inbox.times import monotonic_s

MARGIN_S = 10.0
"""Trimming goes by the wall clocks of two processes, which may differ by 5 s."""


class Age(Struct, frozen=True):
    """What trimming looks at of an entry, which may have been emptied by an erasure."""

    seq: int
    at: int
    open: bool = False


class Log:
    """Appends to streams, and finds entries whose writer has not finished.

    :param keep_s: seconds that trimming leaves an entry alone.
    """

    def __init__(self, database: Database, keep_s: float) -> None:
        self._db = database
        self._fresh_s = keep_s - MARGIN_S

    async def append(self, records: Sequence[Record], since_s: float) -> list[Record]:
        """Insert ``records``, at most one of a stream; return those that stand.

        The others found their number, or their ``n``, in the log already, or came so late that it was trimmed.

        :param since_s: monotonic time before the heads were read that gave the numbers.
        """
        written = await self._insert(records)
        if monotonic_s() - since_s > self._fresh_s:
            return await self.without_ghosts(written)
        return written

    async def _insert(self, records: Sequence[Record]) -> list[Record]:
        try:
            await self._db.log.insert_many([record.document() for record in records], ordered=False)
        except BulkWriteError as error:
            refused = duplicates(error)
            return [record for i, record in enumerate(records) if i not in refused]
        return list(records)

    async def without_ghosts(self, records: Sequence[Record]) -> list[Record]:
        """Those of ``records``, read or written before this call, that are not ghosts; ghosts are deleted."""
        if not records:
            return []
        floors = await self._floors(records)
        ghosts = [record for record in records if record.seq <= floors.get(record.stream, 0)]
        if ghosts:
            await self._db.log.delete_many({"_id": {"$in": [ghost.key for ghost in ghosts]}})
        return [record for record in records if record not in ghosts]

    async def _floors(self, records: Sequence[Record]) -> dict[str, int]:
        streams = list({record.stream for record in records})
        documents = self._db.heads.find({"_id": {"$in": streams}}, {"floor": 1})
        return {document["_id"]: document.get("floor", 0) async for document in documents}

    async def after(self, stream: str, since: int, limit: int) -> list[Record] | None:
        """The entries after ``since``, in order. ``None``: an erasure has emptied some of them."""
        documents = await self._db.log.find(_after(stream, since)).sort("_id", 1).limit(limit).to_list()
        if any("kind" not in document for document in documents):
            return None
        return [Record.of(document) for document in documents]

    async def between(self, ranges: Sequence[tuple[str, int, int]]) -> dict[str, list[Record] | None]:
        """The entries after the first number up to the second, of each stream, in order. ``None``: as ``after``."""
        if not ranges:
            return {}
        each = [_after(stream, since, upto) for stream, since, upto in ranges]
        found: dict[str, list[Document]] = {stream: [] for stream, _, _ in ranges}
        async for document in self._db.log.find(each[0] if len(each) == 1 else {"$or": each}).sort("_id", 1):
            found[document["stream"]].append(document)
        return {
            stream: None if any("kind" not in d for d in documents) else [Record.of(d) for d in documents]
            for stream, documents in found.items()
        }

    async def oldest(self, stream: str, limit: int) -> list[Age]:
        """The first of what the log holds, in order."""
        found = self._db.log.find(_after(stream, 0), {"seq": 1, "at": 1, "open": 1}).sort("_id", 1).limit(limit)
        return [msgspec.convert(document, Age) async for document in found]

    async def drop(self, stream: str, upto: int) -> int:
        """Delete everything up to ``upto``; how many entries that were."""
        within = {"stream": stream, "_id": {"$gte": entry_key(stream, 0), "$lte": entry_key(stream, upto)}}
        return (await self._db.log.delete_many(within)).deleted_count

    async def open_in(self, streams: Sequence[str]) -> list[Record]:
        """The entries of ``streams`` that nobody has finished."""
        return [Record.of(d) async for d in self._db.log.find({"open": True, "stream": _any_of(streams)})]

    async def open_anywhere(self, limit: int) -> list[Record]:
        return [Record.of(document) async for document in self._db.log.find({"open": True}).limit(limit)]

    async def by_writer(self, streams: Sequence[str], n: str) -> list[Record]:
        """What ``n`` has written to ``streams`` already."""
        return [Record.of(d) async for d in self._db.log.find({"stream": _any_of(streams), "n": n})]

    async def close(self, records: Sequence[Record]) -> None:
        """The views of ``records`` are made."""
        # By (stream, n) and not by _id: a number may have been trimmed and be a ghost's now.
        closing = [UpdateOne({"stream": r.stream, "n": r.n}, {"$unset": {"open": ""}}) for r in records]
        await self._db.log.bulk_write(closing, ordered=False)


def _any_of(streams: Sequence[str]) -> object:
    """In a form that lets the test server use an index for one."""
    return streams[0] if len(streams) == 1 else {"$in": list(streams)}


def _after(stream: str, since: int, upto: int = SEQ_MAX) -> Document:
    return {"stream": stream, "_id": {"$gt": entry_key(stream, since), "$lte": entry_key(stream, upto)}}
