"""The store that the settings name, opened for one command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.parts import make_store
from gateway.settings import Settings
from inbox.store.base import Store


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    """The open store; closed on the way out."""
    store = make_store(settings)
    await store.open()
    try:
        yield store
    finally:
        await store.close()
