"""The items of the inboxes: a view of the log. Everything but ``showing`` looks at one incarnation of each stream."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import asdict
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from inbox.ids import notification_of
from inbox.model import MarkOp
from inbox.store.mongo.database import Collection, Document, duplicates
from inbox.store.mongo.records import Place, StoredItem, document_of, item_key
from inbox.store.mongo.shapes import REMOVED, UNREAD, changing, of_shape, shape_of
from inbox.stream import marked


class Items:
    def __init__(self, items: Collection) -> None:
        self._items = items

    async def create(self, items: Sequence[StoredItem]) -> None:
        """Add ``items``; one that is there stays as it is, for it may have been changed or removed since."""
        try:
            await self._items.insert_many([item.document() for item in items], ordered=False)
        except BulkWriteError as error:
            duplicates(error)

    async def write(self, items: Sequence[StoredItem]) -> None:
        """Make items stand as these do, where they do not stand later."""
        if items:
            writes = [UpdateOne({"_id": item.key}, {"$max": {"state": document_of(item.state)}}) for item in items]
            await self._items.bulk_write(writes, ordered=False)

    async def existing(self, keys: Sequence[str]) -> set[str]:
        """Which of these items are there, in any state."""
        return {document["_id"] async for document in self._items.find({"_id": {"$in": list(keys)}}, {"_id": 1})}

    async def there(self, keys: Sequence[str]) -> list[StoredItem]:
        """Those of these items that are there and not removed."""
        return [item for item in await self._find({"_id": {"$in": list(keys)}}) if item.is_there]

    async def unread(self, places: Mapping[str, Place], collapse_key: str) -> dict[str, StoredItem]:
        """By stream the newest item with this key that is neither read nor archived."""
        found = await self._find(
            {"stream": {"$in": list(places)}, "collapse_key": collapse_key, "state.shape": {"$in": UNREAD}}
        )
        of_now = [item for item in found if item.incarnation == places[item.stream].incarnation]
        return {item.stream: item for item in sorted(of_now, key=lambda item: item.state.pos)}

    async def showing(self, notification: str, after: str, limit: int) -> list[StoredItem]:
        """Items of any stream that show this notification, by key."""
        query = {"state.shows": notification, "_id": {"$gt": after}, "state.shape": {"$lt": REMOVED}}
        documents = await self._items.find(query).sort("_id", 1).limit(limit).to_list()
        return [StoredItem.of(document) for document in documents]

    # By shape

    async def count_changing(self, inbox: Document, upto: int, op: MarkOp) -> dict[int, int]:
        """How many items with a number up to ``upto`` have each of the shapes that ``op`` changes."""
        groups = await self._items.aggregate(
            [{"$match": _within(inbox, upto, changing(op))}, {"$group": {"_id": "$state.shape", "n": {"$sum": 1}}}]
        )
        return {group["_id"]: group["n"] async for group in groups}

    async def changing(self, inbox: Document, upto: int, op: MarkOp) -> list[StoredItem]:
        return await self._find(_within(inbox, upto, changing(op)))

    async def mark_upto(self, inbox: Document, entry: int, upto: int, op: MarkOp, at: int) -> None:
        """Make every item with a number up to ``upto`` that ``op`` changes stand at ``entry``."""
        for shape in changing(op):
            change = {"state.entry": entry, **_change(op, shape, at)}
            before = {**_within(inbox, upto, [shape]), "state.entry": {"$lt": entry}}
            await self._items.update_many(before, {"$set": change})

    async def page(
        self, inbox: Document, shapes: Sequence[int], category: str | None, before: int, limit: int
    ) -> list[StoredItem]:
        """The newest items of these shapes that were put there before ``before``."""
        query: Document = {**inbox, "state.shape": {"$in": list(shapes)}, "state.pos": {"$lt": before}}
        if category is not None:
            query["state.category"] = category
        found = await self._items.find(query).sort("state.pos", -1).limit(limit).to_list()
        return [StoredItem.of(document) for document in found]

    async def removed(self, before_ms: int, limit: int) -> list[StoredItem]:
        """Some of those that were removed before a point in time."""
        query = {"state.shape": REMOVED, "state.removed_at": {"$lt": before_ms}}
        return [StoredItem.of(document) async for document in self._items.find(query).limit(limit)]

    async def forget(self, items: Iterable[StoredItem]) -> None:
        if keys := [item.key for item in items]:
            await self._items.delete_many({"_id": {"$in": keys}})

    async def _find(self, query: Document) -> list[StoredItem]:
        return [StoredItem.of(document) async for document in self._items.find(query)]


def inbox_of(stream: str, place: Place) -> Document:
    """The items of ``stream`` as it stands at ``place``."""
    return {"stream": stream, "incarnation": place.incarnation}


def keys_named(stream: str, place: Place, ids: Iterable[str]) -> list[str]:
    """The keys of the items that have these public ids in this inbox, or would have."""
    made_from = [made for id in dict.fromkeys(ids) if (made := notification_of(stream, id)) is not None]
    return [item_key(stream, place.incarnation, made) for made in made_from]


def _within(inbox: Document, upto: int, shapes: Sequence[int]) -> Document:
    # An item never stands above its number, so the index bounds what is looked at.
    within = {"state.pos": {"$lte": upto}, "state.seq": {"$lte": upto}}
    return {**inbox, "state.shape": {"$in": list(shapes)}, **within}


def _change(op: MarkOp, shape: int, at: int) -> dict[str, Any]:
    """The fields of ``state`` that ``op`` sets in an item of this shape."""
    before = of_shape(shape)
    after = marked(op, before, at)
    fields = {name: value for name, value in asdict(after).items() if value != getattr(before, name)}
    return {f"state.{name}": value for name, value in {**fields, "shape": shape_of(after)}.items()}
