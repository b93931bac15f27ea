"""The bus through Redis pub/sub: one channel per stream, so Redis routes a frame only to nodes that hold the user."""

from inbox.bus.redis.bus import RedisBus

__all__ = ["RedisBus"]
