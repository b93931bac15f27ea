"""What notifications say, read once: a cache bounded by bytes."""

from collections.abc import Iterable
from typing import Any

from cachetools import LRUCache

from inbox.errors import Unavailable
from inbox.model import Notification
from inbox.store.mongo.database import Collection
from inbox.store.mongo.records import Shown

CACHE_BYTES = 64 * 1024 * 1024
_OVERHEAD_BYTES = 500
_META = ("tenant", "category", "created_at", "expires_at", "actors", "collapse_key")


def _bytes_of(notification: Notification) -> int:
    return len(notification.content) + len(notification.actors) + _OVERHEAD_BYTES


def content_field(version: int) -> str:
    """Where a notification's document keeps the content of this version."""
    return "content" if version == 1 else f"versions.{version}"


def _notification(document: dict[str, Any], version: int) -> Notification | None:
    """``None`` if the document lacks this version."""
    content = document.get("content") if version == 1 else document.get("versions", {}).get(str(version))
    if content is None:
        return None
    return Notification(
        document["_id"],
        document["tenant"],
        document["category"],
        content,
        document["created_at"],
        document.get("expires_at"),
        document.get("actors", b"[]"),
        document.get("collapse_key"),
        version,
    )


class Contents:
    """Notifications by id and version. A version never changes, so a cached one is right."""

    def __init__(self, notifications: Collection) -> None:
        self._notifications = notifications
        self._cache: LRUCache[Shown, Notification] = LRUCache(CACHE_BYTES, _bytes_of)

    def put(self, notification: Notification) -> None:
        self._cache[notification.id, notification.version] = notification

    async def one(self, id: str, version: int) -> Notification:
        return (await self.get([(id, version)]))[id, version]

    async def get(self, shown: Iterable[Shown | None]) -> dict[Shown | None, Notification]:
        """The notifications of these ids in these versions.

        :raises Unavailable: the store holds an entry or an item without its notification: it is damaged.
        """
        wanted = {each for each in shown if each is not None}
        found: dict[Shown | None, Notification] = {each: self._cache[each] for each in wanted if each in self._cache}
        if missing := wanted - found.keys():
            found |= {(one.id, one.version): one for one in await self._read(missing)}
        if lost := wanted - found.keys():
            raise Unavailable(f"the store does not hold the notification {min(lost)[0]}: restore it from a backup")
        return found

    async def _read(self, missing: Iterable[Shown]) -> list[Notification]:
        versions: dict[str, set[int]] = {}
        for id, version in missing:
            versions.setdefault(id, set()).add(version)
        fields = [*_META, *{content_field(version) for some in versions.values() for version in some}]
        documents = await self._notifications.find({"_id": {"$in": list(versions)}}, fields).to_list()
        read = [_notification(document, v) for document in documents for v in versions[document["_id"]]]
        found = [one for one in read if one is not None]
        for one in found:
            self.put(one)
        return found
