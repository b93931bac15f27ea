"""What the store itself says once a fault is over: every stream read back and found exact."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from gateway.parts import make_store
from gateway.settings import load
from inbox.ids import stream_key
from inbox.model import Head
from inbox.store.base import Store
from inbox.times import monotonic_s
from tests.audit import Audit, audit
from tests.waiting import until

TENANT = "default"
QUIET_S = 2.5
"""Longer than a driver takes for a chunk, and than an entry stands open before it is swept."""
LEASE_S = 60.0
"""Longer than any lease, shorter than the time that anything in these tests waits for."""


@asynccontextmanager
async def opened_store(environ: Mapping[str, str]) -> AsyncIterator[Store]:
    """The store that programs with these settings use, beside them."""
    store = make_store(load(environ))
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def judged(store: Store, users: Iterable[str]) -> dict[str, Audit]:
    """The streams of these users, each audited: log, items and counts say the same."""
    return {user: await audit(store, stream_key(TENANT, user)) for user in users}


def shown_in(found: Audit) -> list[str]:
    """The notifications that the items of a stream show."""
    return [item.notification.id for item in found.items]


async def at_rest(store: Store, users: Iterable[str]) -> None:
    """Wait until no work is due, nor leased to somebody who may be doing it now, and nobody writes to these users.

    A driver that was overtaken has no lease any more, and yet finishes its chunk: nobody but the log tells when.
    """
    streams = [stream_key(TENANT, user) for user in users]
    heads: list[Head] = []
    moved_at = 0.0

    async def is_so() -> bool:
        nonlocal heads, moved_at
        wait_s = await store.work()
        found = await store.heads(streams)
        if found != heads or (wait_s is not None and wait_s <= LEASE_S):
            heads, moved_at = found, monotonic_s()
        return monotonic_s() > moved_at + QUIET_S

    await until(is_so, timeout_s=90)
