"""The way out: a bounded queue, and one task that sends what waits in it."""

import asyncio
import math
from collections import deque

from inbox.bus.redis.link import Elsewhere, Link
from inbox.times import monotonic_s

_BATCH_FRAMES = 512


class Publisher:
    """Takes commands at any time and sends them while there is a link.

    :param max_frames: what may wait, in commands, and in bytes with ``max_bytes``. Beyond, the newest is dropped.
    """

    def __init__(self, max_frames: int, max_bytes: int) -> None:
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._waiting: deque[tuple[bytes, float]] = deque()  # with the time from which on it is too late
        self._waiting_bytes = 0
        self._first: bytes | None = None
        self._arrived = asyncio.Event()
        self.published = 0
        self.dropped = 0

    def put(self, command: bytes, keep_s: float | None = None) -> None:
        """Send ``command`` in its turn, unless that comes more than ``keep_s`` from now: then drop it."""
        if len(self._waiting) >= self._max_frames or self._waiting_bytes + len(command) > self._max_bytes:
            self.dropped += 1
            return
        self._waiting.append((command, math.inf if keep_s is None else monotonic_s() + keep_s))
        self._waiting_bytes += len(command)
        self._arrived.set()

    def put_first(self, command: bytes) -> None:
        """Send ``command`` before all that waits, uncounted: a full queue is no reason to look dead."""
        self._first = command
        self._arrived.set()

    async def run(self, link: Link) -> None:
        """Send until the link breaks, which loses the batch in flight: nodes repair from the store.

        Waits for the replies of each batch, so that what Redis does not take stays in the bounded queue. A frame whose
        slot has moved is dropped: its subscribers were cut off there, so they look at the heads anyway.
        """
        while True:
            await self._arrived.wait()
            frames = self._take()
            first, self._first = self._first, None
            if first is None and not frames:
                continue
            try:
                replies = await link.call(frames if first is None else [first, *frames])
            except BaseException:
                self.dropped += len(frames)
                raise
            lost = sum(isinstance(reply, Elsewhere) for reply in replies[first is not None :])
            self.published += len(frames) - lost
            self.dropped += lost

    def _take(self) -> list[bytes]:
        batch = [self._waiting.popleft() for _ in range(min(_BATCH_FRAMES, len(self._waiting)))]
        self._waiting_bytes -= sum(len(frame) for frame, _ in batch)
        if not self._waiting:
            self._arrived.clear()
        now = monotonic_s()
        frames = [frame for frame, late_at in batch if now < late_at]
        self.dropped += len(batch) - len(frames)
        return frames
