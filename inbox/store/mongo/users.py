"""The profiles of users."""

from collections.abc import Sequence

import msgspec
from pymongo import UpdateOne

from inbox.model import Listing, User
from inbox.store.mongo.database import Collection, Document
from inbox.store.mongo.records import document_of
from inbox.times import now_ms


class Users:
    def __init__(self, users: Collection) -> None:
        self._users = users

    async def put(self, tenant: str, users: Sequence[User]) -> None:
        now = now_ms()
        writes = [_put(tenant, user, now) for user in users]
        if writes:
            await self._users.bulk_write(writes, ordered=False)

    async def get(self, tenant: str, user: str) -> User | None:
        document = await self._users.find_one({"_id": _key(tenant, user)})
        return None if document is None else msgspec.convert(document, User)

    async def page(self, tenant: str, after: str | None, limit: int) -> Listing[User]:
        within = {"_id": {"$gt": _key(tenant, after or ""), "$lt": f"{tenant}0"}}
        documents = await self._users.find(within).sort("_id", 1).limit(limit + 1).to_list()
        found = tuple(msgspec.convert(each, User) for each in documents[:limit])
        return Listing(found, found[-1].id if len(documents) > limit else None)

    async def forget(self, stream: str) -> None:
        await self._users.delete_one({"_id": stream})


def _put(tenant: str, user: User, now: int) -> UpdateOne:
    fields: Document = document_of(user)
    del fields["created_at"]
    change = {"$set": fields | {"updated_at": now}, "$setOnInsert": {"created_at": now}}
    return UpdateOne({"_id": _key(tenant, user.id)}, change, upsert=True)


def _key(tenant: str, user: str) -> str:
    """Ids hold no ``/``, and ``0`` is the character after it: a tenant's users are a range."""
    return f"{tenant}/{user}"
