"""What the store itself says once a fault is over: every stream read back and found exact."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from gateway.app import make_store
from gateway.settings import load
from inbox.ids import stream_key
from inbox.store.base import Store
from tests.audit import Audit, audit
from tests.waiting import until

TENANT = "default"
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


async def at_rest(store: Store) -> None:
    """Wait until no work is due, nor leased to somebody who may be doing it now."""

    async def is_so() -> bool:
        wait_s = await store.work()
        return wait_s is None or wait_s > LEASE_S

    await until(is_so, timeout_s=90)
