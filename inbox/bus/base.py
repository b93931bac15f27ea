"""The contract of the bus, which carries entries from writers to nodes. It is speed, never truth (P3).

A bus may lose, repeat, delay and reorder; it never blocks its users and never invents. Readers detect loss by the
number, and the bus says what it noticed itself through ``Listener.gap``. ``tests/contracts/test_bus.py`` runs over
every implementation.
"""

from collections.abc import Collection
from typing import Protocol

from msgspec import Struct


class BusStatistics(Struct, frozen=True):
    """Counters since the start, and the state now."""

    published: int
    dropped: int
    """Frames let go because the outgoing queue was full, or in flight when the connection broke: nodes repair from
    the store. And signals that waited for too long: nobody misses them."""
    received: int
    forged: int
    """Messages that are not ours (no MAC that verifies): dropped."""
    gaps: int
    """Streams reported as possibly incomplete."""
    reconnects: int
    subscriptions: int
    degraded: bool


class Listener(Protocol):
    """Who receives. Called on the event loop; must return at once and never raise."""

    def receive(self, stream: str, seq: int, epoch: str, frame: bytes) -> None:
        """An entry of a stream, or a signal of a live channel: then ``seq`` is 0 and ``epoch`` empty.

        With ``frame`` empty too it is a word to the nodes that hold a stream: tokens of the user were revoked.
        """
        ...

    def flush(self) -> None:
        """What came together was received: it may be sent on. Not promised after each ``receive``."""
        ...

    def gap(self, streams: Collection[str]) -> None:
        """These streams may have missed something: compare their heads."""
        ...


class Bus(Protocol):
    """One connection of a process to the bus. All methods but the coroutines return at once."""

    async def start(self, listener: Listener | None) -> None:
        """Begin. Without a listener the process only publishes. A bus that is away is not an error: it is retried."""
        ...

    async def close(self) -> None: ...

    def wants(self, stream: str) -> bool:
        """Whether a frame for ``stream`` could reach anybody. In-process: only if it is subscribed here."""
        ...

    def publish(self, stream: str, seq: int, epoch: str, frame: bytes) -> None:
        """Hand over one encoded entry, or signal. Bounded queue; when it is full the frame is dropped and counted.

        What comes of one stream or channel from one process comes in its order.
        """
        ...

    async def subscribe(self, streams: Collection[str], timeout_s: float) -> bool:
        """Want these streams. Returns True once confirmed; False after ``timeout_s``, and goes on in the background.

        When a late confirmation comes, the streams are reported as a gap.
        """
        ...

    def unsubscribe(self, streams: Collection[str]) -> None: ...

    def resubscribe(self, streams: Collection[str]) -> None:
        """The reader found a loss by itself: the subscription may be gone, ask for it anew."""
        ...

    def is_degraded(self) -> bool:
        """True while the bus hears nothing from itself: the reader checks heads every 2 s meanwhile."""
        ...

    def statistics(self) -> BusStatistics: ...
