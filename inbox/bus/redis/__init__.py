"""The bus through Redis pub/sub: one channel per stream, so Redis routes a frame only to nodes that hold the user."""

from inbox.bus.redis.bus import RedisBus
from inbox.bus.redis.cluster import ClusterBus

__all__ = ["ClusterBus", "RedisBus", "redis_bus"]


def redis_bus(url: str, key: bytes) -> RedisBus | ClusterBus:
    """The bus at ``url``: through Redis Cluster if its scheme says so.

    :param key: see ``RedisBus``.
    :raises ConfigError: ``url`` is not an address of Redis.
    """
    return (ClusterBus if url.startswith("redis+cluster://") else RedisBus)(url, key)
