"""What clients confirmed, on its way to the store: the highest number of each stream, at most one write a second."""

import asyncio

import structlog

from inbox.store.base import Store

log = structlog.get_logger()


class Acks:
    """Holds one number a stream. What the store does not take now is tried again; the last second is lost with us.

    :param every_s: seconds between writes.
    """

    def __init__(self, store: Store, every_s: float) -> None:
        self._store = store
        self._every_s = every_s
        self._highest: dict[str, int] = {}

    def note(self, stream: str, seq: int) -> None:
        """A client of ``stream`` has everything up to ``seq``."""
        if seq > self._highest.get(stream, 0):
            self._highest[stream] = seq

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.flush()

    async def flush(self) -> None:
        batch, self._highest = self._highest, {}
        if not batch:
            return
        try:
            await self._store.ack(batch)
        except Exception as failure:
            log.warning("acks_delayed", streams=len(batch), reason=repr(failure))
            for stream, seq in batch.items():
                self.note(stream, seq)
