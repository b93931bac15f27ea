"""One of many that create the same files at once: run ``main`` in processes of their own."""

import asyncio
from multiprocessing.synchronize import Barrier
from pathlib import Path

from inbox.store.sqlite import SqliteStore
from tests.samples import stream_of


async def main(paths: list[Path], together: Barrier) -> None:
    """Open each of the files when all others do, and leave what epoch a stream has there in a file of its own."""
    for path in paths:
        store = SqliteStore(path)
        await asyncio.to_thread(together.wait, 30)
        await store.open()
        (head,) = await store.heads([stream_of("anna")])
        await store.close()
        (path.parent / f"{head.epoch}.epoch").touch()
