"""Revocations: a log of their own, whose next number is taken by inserting it, like the next of a stream."""

import asyncio

import msgspec
from pymongo.errors import DuplicateKeyError

from inbox.registered import Revocation
from inbox.store.mongo.database import Collection, Document
from inbox.store.registry import REVOCATION_KEEP_S, REVOCATIONS_MAX
from inbox.times import now_ms


class Revocations:
    """``_id`` is the number. The newest is never deleted: the one after it is counted from it."""

    def __init__(self, revocations: Collection) -> None:
        self._revocations = revocations
        self._turn = asyncio.Lock()

    async def add(self, revocation: Revocation) -> None:
        """One at a time in this process; between processes ``_id`` decides."""
        fields: Document = msgspec.to_builtins(revocation)
        del fields["number"]
        async with self._turn:
            number = await self._insert(fields)
        needless = fields | {"at": {"$lte": revocation.at}, "_id": {"$lt": number}}
        await self._revocations.delete_many(needless)

    async def _insert(self, fields: Document) -> int:
        while True:
            number = await self._newest() + 1
            try:
                await self._revocations.insert_one({"_id": number, **fields})
            except DuplicateKeyError:
                continue
            return number

    async def after(self, number: int) -> list[Revocation]:
        found = self._revocations.find({"_id": {"$gt": number}}).sort("_id", 1).limit(REVOCATIONS_MAX)
        return [msgspec.convert(each | {"number": each["_id"]}, Revocation) async for each in found]

    async def forget(self) -> None:
        """Drop those whose time is over."""
        old = {"at": {"$lte": now_ms() - REVOCATION_KEEP_S * 1000}, "_id": {"$lt": await self._newest()}}
        await self._revocations.delete_many(old)

    async def _newest(self) -> int:
        newest = await self._revocations.find_one({}, ["_id"], sort=[("_id", -1)])
        return 0 if newest is None else int(newest["_id"])
