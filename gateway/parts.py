"""The store, the bus and the presence that the settings name: the one place that knows which there are.

Each implementation is imported when it is the one.
"""

from urllib.parse import unquote, urlsplit

from gateway.settings import LIMITS, Settings, database_path
from inbox.bus.base import Bus
from inbox.presence.base import Presence
from inbox.store.base import Store

BUS_SECRET = "bus"


def make_store(settings: Settings) -> Store:
    """The store the settings name, not yet open."""
    if settings.mongo_url is not None:
        from inbox.store.mongo import MongoStore

        database = unquote(urlsplit(settings.mongo_url).path.strip("/")) or "bellwire"
        return MongoStore(settings.mongo_url, database=database, log_keep_s=settings.log_keep_s)
    from inbox.store.sqlite import SqliteStore

    return SqliteStore(database_path(settings))


def make_bus(settings: Settings, key: bytes) -> Bus:
    """The bus the settings name, not yet started. ``key`` is the store's secret ``bus``."""
    if settings.redis_url is not None:
        from inbox.bus.redis import redis_bus

        return redis_bus(settings.redis_url, key)
    from inbox.bus.memory import MemoryBus

    return MemoryBus()


def make_presence(settings: Settings, node: str) -> Presence:
    """Presence as far as the settings reach, not yet started. ``node`` is the name of this process."""
    if settings.redis_url is None:
        from inbox.presence.memory import MemoryPresence

        return MemoryPresence(node)
    from inbox.presence.announcer import Pace
    from inbox.presence.redis import RedisPresence

    pace = Pace(
        lease_s=LIMITS.presence_lease_s,
        beat_s=LIMITS.presence_beat_s,
        collect_s=LIMITS.presence_collect_s,
        timeout_s=LIMITS.presence_timeout_s,
        changes=LIMITS.presence_changes,
        reads=LIMITS.presence_reads,
    )
    return RedisPresence(settings.redis_url, node, pace)
