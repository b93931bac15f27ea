"""The items of the inboxes: a view of the log."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from inbox.ids import notification_of
from inbox.model import MarkOp
from inbox.store.mongo.database import Collection, duplicates
from inbox.store.mongo.records import State, StoredItem, item_key
from inbox.store.mongo.shapes import REMOVED, changing, of_shape, shape_of
from inbox.stream import ItemState, marked


class Items:
    def __init__(self, items: Collection) -> None:
        self._items = items

    async def create(self, items: Sequence[StoredItem]) -> None:
        """Add ``items``; one that is there stays as it is, for it may have been marked or removed since."""
        try:
            await self._items.insert_many([item.document() for item in items], ordered=False)
        except BulkWriteError as error:
            duplicates(error)

    async def existing(self, keys: Sequence[str]) -> set[str]:
        """Which of these items are there, in any state."""
        return {document["_id"] async for document in self._items.find({"_id": {"$in": list(keys)}}, {"_id": 1})}

    async def named(self, stream: str, ids: Iterable[str]) -> list[ItemState]:
        """The items of these public ids that are in this inbox and not removed."""
        made_from = [made for id in dict.fromkeys(ids) if (made := notification_of(stream, id)) is not None]
        found = await self._find({"_id": {"$in": [item_key(stream, made) for made in made_from]}})
        return [item.item_state for item in found if item.state.shape != REMOVED]

    async def write(self, stream: str, entry: int, states: Iterable[ItemState]) -> None:
        """Make items stand at ``entry`` in these states, where they do not stand later."""
        writes = [
            UpdateOne(
                {"_id": item_key(stream, notification_of(stream, state.id) or "")},
                {"$max": {"state": msgspec.to_builtins(State.at(entry, state))}},
            )
            for state in states
        ]
        if writes:
            await self._items.bulk_write(writes, ordered=False)

    # By shape

    async def count_changing(self, stream: str, upto: int, op: MarkOp) -> dict[int, int]:
        """How many items with a number up to ``upto`` have each of the shapes that ``op`` changes."""
        groups = await self._items.aggregate(
            [{"$match": _within(stream, upto, changing(op))}, {"$group": {"_id": "$state.shape", "n": {"$sum": 1}}}]
        )
        return {group["_id"]: group["n"] async for group in groups}

    async def changing(self, stream: str, upto: int, op: MarkOp) -> list[ItemState]:
        return [item.item_state for item in await self._find(_within(stream, upto, changing(op)))]

    async def mark_upto(self, stream: str, entry: int, upto: int, op: MarkOp, at: int) -> None:
        """Make every item with a number up to ``upto`` that ``op`` changes stand at ``entry``."""
        for shape in changing(op):
            change = {"state.entry": entry, **_change(op, shape, at)}
            before = {**_within(stream, upto, [shape]), "state.entry": {"$lt": entry}}
            await self._items.update_many(before, {"$set": change})

    async def page(
        self, stream: str, shapes: Sequence[int], category: str | None, before: int, limit: int
    ) -> list[StoredItem]:
        """The newest items of these shapes with a number below ``before``."""
        query: dict[str, Any] = {"stream": stream, "state.shape": {"$in": list(shapes)}, "seq": {"$lt": before}}
        if category is not None:
            query["category"] = category
        found = await self._items.find(query).sort("seq", -1).limit(limit).to_list()
        return [StoredItem.of(document) for document in found]

    async def forget_removed(self, before_ms: int, limit: int) -> None:
        """Delete some of those that were removed before a point in time."""
        query = {"state.shape": REMOVED, "state.removed_at": {"$lt": before_ms}}
        keys = [document["_id"] async for document in self._items.find(query, {"_id": 1}).limit(limit)]
        if keys:
            await self._items.delete_many({"_id": {"$in": keys}})

    async def _find(self, query: dict[str, Any]) -> list[StoredItem]:
        return [StoredItem.of(document) async for document in self._items.find(query)]


def _within(stream: str, upto: int, shapes: Sequence[int]) -> dict[str, Any]:
    return {"stream": stream, "state.shape": {"$in": list(shapes)}, "seq": {"$lte": upto}}


def _change(op: MarkOp, shape: int, at: int) -> dict[str, Any]:
    """The fields of ``state`` that ``op`` sets in an item of this shape."""
    before = of_shape(shape)
    after = marked(op, before, at)
    fields = {name: value for name, value in asdict(after).items() if value != getattr(before, name)}
    return {f"state.{name}": value for name, value in {**fields, "shape": shape_of(after)}.items()}
