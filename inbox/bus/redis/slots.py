"""Which primary of a cluster owns which slot: read from any of its nodes."""

import asyncio
from itertools import count
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from inbox.bus.redis.link import connected, pack
from inbox.bus.redis.subscriber import channel

Owners = list[str | None]
"""By slot: the ``host:port`` of its primary, ``None`` where nobody owns it."""

NOBODY: Owners = [None] * REDIS_CLUSTER_HASH_SLOTS


def slot_of(stream: str) -> int:
    return key_slot(channel(stream).encode())


def name_at(node: str, owners: Owners, token: str) -> str:
    """A name, beginning with ``token``, of a stream that ``node`` owns. It must own one slot at least."""
    return next(name for n in count() if owners[slot_of(name := f"{token}.{n}")] == node)


async def read_owners(connection: AbstractConnection, asked: str, timeout_s: float) -> Owners:
    """Ask the node ``asked``, which ``connection`` leads to.

    :raises RedisError, OSError, TimeoutError: it does not answer within ``timeout_s``, or is not of a cluster.
    :raises ValueError, TypeError: nor is its answer.
    """
    async with asyncio.timeout(timeout_s) as deadline, connected(connection, lambda: None) as link:
        if deadline.expired():
            raise TimeoutError("connecting took too long")  # redis-py can swallow the cancellation that says so
        (reply,) = await link.call([pack("CLUSTER", "SLOTS")])
    return owners_from(reply, asked)


def owners_from(reply: list[Any], asked: str) -> Owners:
    """What ``CLUSTER SLOTS`` answers, as owners. A node that does not know its own host is where it was asked.

    :raises ValueError, TypeError: it is something else.
    """
    owners = NOBODY.copy()
    for first, last, (host, port, *_), *_ in reply:
        if not 0 <= first <= last < REDIS_CLUSTER_HASH_SLOTS:
            raise ValueError("expected slots of a cluster")
        name = host.decode() if host else asked.rpartition(":")[0].strip("[]")
        owners[first : last + 1] = [f"[{name}]:{port}" if ":" in name else f"{name}:{port}"] * (last - first + 1)
    return owners
