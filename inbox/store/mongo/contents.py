"""What notifications say, read once: a cache bounded by bytes."""

from collections.abc import Iterable
from typing import Any

from cachetools import LRUCache

from inbox.errors import Unavailable
from inbox.model import Notification
from inbox.store.mongo.database import Collection

CACHE_BYTES = 64 * 1024 * 1024
_OVERHEAD_BYTES = 500


def _bytes_of(notification: Notification) -> int:
    return len(notification.content) + _OVERHEAD_BYTES


def notification_of(document: dict[str, Any]) -> Notification:
    return Notification(
        document["_id"], document["tenant"], document["category"], document["content"], document["created_at"]
    )


class Contents:
    """Notifications by id. They never change, so a cached one is right."""

    def __init__(self, notifications: Collection) -> None:
        self._notifications = notifications
        self._cache: LRUCache[str, Notification] = LRUCache(CACHE_BYTES, _bytes_of)

    def put(self, notification: Notification) -> None:
        self._cache[notification.id] = notification

    async def get(self, ids: Iterable[str]) -> dict[str, Notification]:
        """The notifications of these ids.

        :raises Unavailable: the store holds an entry or an item without its notification: it is damaged.
        """
        wanted = set(ids)
        found = {id: cached for id in wanted if (cached := self._cache.get(id)) is not None}
        missing = list(wanted - found.keys())
        if missing:
            async for document in self._notifications.find({"_id": {"$in": missing}}, {"recipients": 0}):
                found[document["_id"]] = notification_of(document)
                self.put(found[document["_id"]])
        if lost := wanted - found.keys():
            raise Unavailable(f"the store does not hold the notification {min(lost)}: restore it from a backup")
        return found
