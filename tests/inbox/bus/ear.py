"""A listener that remembers what it heard, and what tests do with it."""

from collections.abc import Callable, Collection

from inbox.bus.redis import RedisBus
from tests.waiting import until

ANNA, BEN, CLEO = "acme/anna", "acme/ben", "acme/cleo"
KEY = bytes(range(32))
Make = Callable[..., RedisBus]


class Ear:
    def __init__(self) -> None:
        self.heard: list[tuple[str, int, str, bytes]] = []
        self.gaps: list[str] = []
        self.on_frame: Callable[[str], object] = lambda stream: None

    def receive(self, stream: str, seq: int, epoch: str, frame: bytes) -> None:
        self.heard.append((stream, seq, epoch, frame))
        self.on_frame(stream)

    def flush(self) -> None:
        return None

    def gap(self, streams: Collection[str]) -> None:
        self.gaps.extend(streams)

    def numbers(self, stream: str) -> list[int]:
        return [seq for name, seq, _, _ in self.heard if name == stream]


async def start(bus: RedisBus, ear: Ear | None, *streams: str) -> RedisBus:
    await bus.start(ear)
    await until(lambda: not bus.is_degraded())
    assert await bus.subscribe(streams, timeout_s=5)
    return bus


async def hears(bus: RedisBus, ear: Ear, stream: str) -> None:
    """Returns once a frame published now has arrived."""
    seq = max(ear.numbers(stream), default=0) + 1
    bus.publish(stream, seq, "g.0", b"{}")
    await until(lambda: seq in ear.numbers(stream))
