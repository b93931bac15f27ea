"""The way out of a connection: what it owes in one turn of the loop is one write, and what it may owe is bounded."""

import asyncio
import time
from typing import Protocol

from gateway.live import wire
from gateway.live.arrivals import Arrivals
from gateway.live.codes import CloseCode
from gateway.live.drain import Departing
from gateway.live.frames import FrameReaders
from gateway.live.heartbeat import Tended, Wheel
from gateway.live.statistics import Tally
from gateway.settings import Limits


class Owing(Protocol):
    """Something that owes bytes to clients."""

    def flush(self) -> None: ...


class Outbox:
    """Who owes something, in the order in which it came to owe; called upon at the end of the loop's turn."""

    def __init__(self) -> None:
        self._owing: list[Owing] = []
        self._is_planned = False

    def add(self, owing: Owing) -> None:
        if not self._is_planned:
            self._is_planned = True
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._owing.append(owing)

    def add_later(self, owing: Owing, delay_s: float) -> None:
        """Call upon it then."""
        asyncio.get_running_loop().call_later(delay_s, owing.flush)

    def time(self) -> float:
        return time.monotonic()

    def flush(self) -> None:
        """Call upon them now: nothing more will come for a while."""
        owing, self._owing = self._owing, []
        for each in owing:
            each.flush()

    def _end_turn(self) -> None:
        self._is_planned = False
        self.flush()


class Lasting(Tended, Departing, Protocol):
    """What stays on the wheel until it is gone. See ``Connection``."""


class Shared:
    """What all connections of a node have in common."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.wheel: Wheel[Lasting] = Wheel()
        self.outbox = Outbox()
        self.tally = Tally(limits.welcomes_per_s)
        self.arrivals = Arrivals(limits, self.tally)
        self.readers = FrameReaders(limits.frame_bytes)


class Outgoing(asyncio.Protocol):
    """The writing half of a connection.

    ``seq`` is the last entry it was given. An entry given while the client is too slow is withheld: once the client
    has caught up it gets one ``sync`` for all of them, and fetches them itself.
    """

    __slots__ = (
        "_closing",
        "_frames",
        "_pending",
        "_shared",
        "_stuck_at",
        "_stuck_bytes",
        "_transport",
        "_withheld",
        "seq",
        "slot",
    )

    def __init__(self, shared: Shared, transport: asyncio.Transport) -> None:
        self._shared = shared
        self._transport = transport
        transport.set_write_buffer_limits(shared.limits.write_soft_bytes)
        self._closing = False
        self._frames: list[bytes] | None = None
        self._pending = 0
        self._stuck_at = 0.0
        self._stuck_bytes = 0
        self._withheld = 0
        self.seq = 0
        self.slot = -1

    @property
    def is_closing(self) -> bool:
        return self._closing

    def send(self, frame: bytes) -> None:
        """Owe ``frame``: it leaves with everything else of this turn."""
        if self._closing:
            return
        if self._frames is None:
            self._frames = []
            self._shared.outbox.add(self)
        self._frames.append(frame)
        self._pending += len(frame)

    def say(self, payload: bytes) -> None:
        """Send one message."""
        self.send(wire.text_frame(payload))

    def give(self, seq: int, frame: bytes) -> None:
        """The next entry."""
        self.seq = seq
        if self.is_full():
            self._withheld = seq
            self._shared.tally.entries_withheld += 1
        else:
            self.send(frame)
            self._shared.tally.entries_sent += 1

    def offer(self, frames: bytes) -> bool:
        """Signals, at the end of a turn: lost to a client that is too slow, and False."""
        if self._frames is not None:
            if self.is_full():
                return False
            self.send(frames)
        elif self._stuck_at:
            return False
        else:
            self._transport.write(frames)
        return True

    def is_full(self) -> bool:
        """Whether the client is too slow for more entries."""
        return self._stuck_at > 0 or self._pending > self._shared.limits.write_soft_bytes

    def flush(self) -> None:
        frames = self.take_frames()
        if not frames or self._transport.is_closing():
            return
        self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
        if self._transport.get_write_buffer_size() > self._shared.limits.write_hard_bytes:
            self.abort(CloseCode.SLOW)
        elif self._stuck_at == 0:
            self.drained()

    def take_frames(self) -> list[bytes]:
        """What is owed, which is owed no more."""
        frames, self._frames, self._pending = self._frames, None, 0
        return frames or []

    def drained(self) -> None:
        """There is room again."""
        if self._withheld:
            self.say(wire.sync(self._withheld))
            self._withheld = 0

    def abort(self, code: CloseCode) -> None:
        """End the connection without waiting for the client: whatever it was still owed is gone."""
        self._transport.abort()

    def pause_writing(self) -> None:
        self._watch(time.monotonic())

    def resume_writing(self) -> None:
        self._stuck_at = 0.0
        self.drained()

    def tend_buffer(self, now: float) -> float:
        """Seconds until a full buffer is to be looked at again. It may drain slowly, but it must drain."""
        if self._stuck_at == 0:
            return self._shared.limits.stuck_s
        if now >= self._stuck_at:
            if self._transport.get_write_buffer_size() >= self._stuck_bytes:
                self.abort(CloseCode.SLOW)
            self._watch(now)
        return self._stuck_at - now

    def _watch(self, now: float) -> None:
        self._stuck_at = now + self._shared.limits.stuck_s
        self._stuck_bytes = self._transport.get_write_buffer_size()
