"""The use cases around who there is: topics and their members, users and their profiles."""

from collections.abc import Sequence

from msgspec.structs import replace

from inbox.errors import NotFound
from inbox.model import Listing, Membership, Topic, User
from inbox.store.base import Store
from inbox.times import now_ms


class Directory:
    """What a backend keeps of topics and users.

    Lists that are never missing (``topics``, ``users``, ``topics_of``) are called on ``store`` directly.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    async def topic(self, tenant: str, topic: str) -> Topic:
        """:raises NotFound: the tenant has no such topic, as with every method here that takes one."""
        found = await self.store.topic(tenant, topic)
        if found is None:
            raise _no_topic(topic)
        return found

    async def drop_topic(self, tenant: str, topic: str) -> None:
        if not await self.store.drop_topic(tenant, topic):
            raise _no_topic(topic)

    async def change_members(self, tenant: str, topic: str, add: Sequence[str], remove: Sequence[str]) -> Membership:
        """Have the users of ``add`` in the topic and those of ``remove`` not (<= 1,000 together, no user in both)."""
        done = await self.store.change_members(tenant, topic, list(dict.fromkeys(add)), list(dict.fromkeys(remove)))
        if done is None:
            raise _no_topic(topic)
        return done

    async def members(self, tenant: str, topic: str, after: str | None, limit: int) -> Listing[str]:
        found = await self.store.members(tenant, topic, after, limit)
        if found is None:
            raise _no_topic(topic)
        return found

    async def put_users(self, tenant: str, users: Sequence[User]) -> None:
        """Write these profiles (<= 1,000, distinct ids) as of now."""
        now = now_ms()
        await self.store.put_users(tenant, [replace(user, created_at=now, updated_at=now) for user in users])

    async def user(self, tenant: str, user: str) -> User:
        """:raises NotFound: no profile was written for this user, or it was erased."""
        found = await self.store.user(tenant, user)
        if found is None:
            raise NotFound(f"no profile of user {user} in this tenant")
        return found


def _no_topic(topic: str) -> NotFound:
    return NotFound(f"no topic {topic} in this tenant")
