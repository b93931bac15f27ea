"""Topics. Every one has a ``uid`` of its own, so one made anew under an old name begins empty."""

from collections.abc import Sequence

from pymongo import ReturnDocument

from inbox.ids import new_id
from inbox.model import Listing, Membership, Topic
from inbox.store.mongo.audience import TopicRef
from inbox.store.mongo.database import Database, Document
from inbox.store.mongo.members import Members
from inbox.times import now_ms

DROPPED_S = 60.0
"""A dropped topic's members are collected when its record has been gone for so long, or never went."""


class Topics:
    def __init__(self, database: Database, members: Members) -> None:
        self._topics = database.topics
        self._dropped = database.dropped_topics
        self._members = members

    async def put(self, tenant: str, topic: str, description: str | None) -> Topic:
        made = {"uid": new_id(), "tenant": tenant, "name": topic, "created_at": now_ms()}
        document = await self._topics.find_one_and_update(
            {"_id": _key(tenant, topic)},
            {"$set": {"description": description}, "$setOnInsert": made},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        assert document is not None, "an upsert returns what it made"
        return (await self._with_sizes([document]))[0]

    async def get(self, tenant: str, topic: str) -> Topic | None:
        found = await self._topics.find({"_id": _key(tenant, topic)}).to_list()
        return (await self._with_sizes(found))[0] if found else None

    async def page(self, tenant: str, after: str | None, limit: int) -> Listing[Topic]:
        within = {"_id": {"$gt": _key(tenant, after or ""), "$lt": f"{tenant}0"}}
        documents = await self._topics.find(within).sort("_id", 1).limit(limit + 1).to_list()
        found = tuple(await self._with_sizes(documents[:limit]))
        return Listing(found, found[-1].id if len(documents) > limit else None)

    async def uid(self, tenant: str, topic: str) -> str | None:
        document = await self._topics.find_one({"_id": _key(tenant, topic)}, ["uid"])
        return None if document is None else str(document["uid"])

    async def drop(self, tenant: str, topic: str) -> bool:
        """The topic goes first, with a note that its members are to follow."""
        uid = await self.uid(tenant, topic)
        if uid is None:
            return False
        await self._dropped.update_one({"_id": uid}, {"$set": {"at": now_ms()}}, upsert=True)
        dropped = await self._topics.delete_one({"_id": _key(tenant, topic), "uid": uid})
        await self._members.empty(uid)
        return dropped.deleted_count == 1

    async def change_members(
        self, tenant: str, topic: str, add: Sequence[str], remove: Sequence[str]
    ) -> Membership | None:
        uid = await self.uid(tenant, topic)
        return None if uid is None else await self._members.change(uid, tenant, topic, add, remove)

    async def members(self, tenant: str, topic: str, after: str | None, limit: int) -> Listing[str] | None:
        uid = await self.uid(tenant, topic)
        return None if uid is None else await self._members.page(uid, after, limit)

    async def of_user(self, stream: str, after: str | None, limit: int) -> Listing[str]:
        """A page may hold fewer than ``limit``: what is left of dropped topics does not count."""
        found, next = await self._members.topics_of(stream, after, limit)
        there = self._topics.find({"uid": {"$in": list(found)}}, ["uid"])
        names = [found[each["uid"]] async for each in there]
        return Listing(tuple(sorted(names)), next)

    async def collect(self) -> None:
        """Delete some of the members that dropped topics have left."""
        old = await self._dropped.find_one({"at": {"$lt": now_ms() - int(DROPPED_S * 1000)}})
        if old is None:
            return
        is_there = await self._topics.find_one({"uid": old["_id"]}, ["_id"]) is not None
        if is_there or await self._members.empty(old["_id"]):
            await self._dropped.delete_one({"_id": old["_id"]})

    # For a fan-out

    async def ref(self, tenant: str, topic: str) -> tuple[TopicRef, int] | None:
        uid = await self.uid(tenant, topic)
        return None if uid is None else (TopicRef(topic, uid), (await self._members.sizes([uid])).get(uid, 0))

    async def chunk(self, uid: str, after: str, limit: int) -> Sequence[str]:
        return await self._members.chunk(uid, after, limit)

    async def _with_sizes(self, documents: Sequence[Document]) -> list[Topic]:
        sizes = await self._members.sizes([each["uid"] for each in documents])
        return [
            Topic(each["name"], each["description"], each["created_at"], sizes.get(each["uid"], 0))
            for each in documents
        ]


def _key(tenant: str, topic: str) -> str:
    """Ids hold no ``/``, and ``0`` is the character after it: a tenant's topics are a range."""
    return f"{tenant}/{topic}"
