"""Who is in which topic: one document for each, under ``<uid of the topic>/<user>``."""

from collections.abc import Sequence

from pymongo import DeleteOne, UpdateOne

from inbox.ids import stream_key
from inbox.model import Listing, Membership
from inbox.store.mongo.database import Collection

DROP_MAX = 1_000
"""Members deleted by one call."""


class Members:
    def __init__(self, members: Collection) -> None:
        self._members = members

    async def change(self, uid: str, tenant: str, topic: str, add: Sequence[str], remove: Sequence[str]) -> Membership:
        """Have these users in the topic, and those not."""
        made = {user: {"uid": uid, "topic": topic, "stream": stream_key(tenant, user)} for user in add}
        writes: list[UpdateOne | DeleteOne] = [
            UpdateOne({"_id": _key(uid, user)}, {"$setOnInsert": fields}, upsert=True) for user, fields in made.items()
        ]
        writes += [DeleteOne({"_id": _key(uid, user)}) for user in remove]
        if not writes:
            return Membership(0, 0)
        done = await self._members.bulk_write(writes, ordered=False)
        return Membership(done.upserted_count, done.deleted_count)

    async def sizes(self, uids: Sequence[str]) -> dict[str, int]:
        """How many are in each of these topics; none if it is missing."""
        groups = await self._members.aggregate(
            [{"$match": {"uid": {"$in": list(uids)}}}, {"$group": {"_id": "$uid", "n": {"$sum": 1}}}]
        )
        return {group["_id"]: group["n"] async for group in groups}

    async def chunk(self, uid: str, after: str, limit: int) -> list[str]:
        """The users in the topic after ``after``, in order."""
        within = {"uid": uid, "_id": {"$gt": _key(uid, after), "$lt": f"{uid}0"}}
        found = self._members.find(within, ["_id"]).sort("_id", 1).limit(limit)
        return [each["_id"].partition("/")[2] async for each in found]

    async def page(self, uid: str, after: str | None, limit: int) -> Listing[str]:
        users = await self.chunk(uid, after or "", limit + 1)
        return Listing(tuple(users[:limit]), users[limit - 1] if len(users) > limit else None)

    async def topics_of(self, stream: str, after: str | None, limit: int) -> tuple[dict[str, str], str | None]:
        """The names by uid of the topics that a user is in, dropped ones too, and where to go on."""
        within = {"stream": stream, "uid": {"$gt": after or ""}}
        found = await self._members.find(within).sort("uid", 1).limit(limit + 1).to_list()
        some = {each["uid"]: each["topic"] for each in found[:limit]}
        return some, found[limit - 1]["uid"] if len(found) > limit else None

    async def leave(self, stream: str) -> None:
        """Take a user out of every topic."""
        await self._members.delete_many({"stream": stream})

    async def empty(self, uid: str) -> bool:
        """Delete some of a topic's members; whether those were all."""
        users = await self.chunk(uid, "", DROP_MAX)
        if users:
            await self._members.delete_many({"_id": {"$in": [_key(uid, user) for user in users]}})
        return len(users) < DROP_MAX


def _key(uid: str, user: str) -> str:
    return f"{uid}/{user}"
