"""A listener that remembers what it heard."""

from collections.abc import Callable, Collection


class Ear:
    def __init__(self) -> None:
        self.heard: list[tuple[str, int, str, bytes]] = []
        self.gaps: list[str] = []
        self.on_frame: Callable[[str], object] = lambda stream: None

    def receive(self, stream: str, seq: int, epoch: str, frame: bytes) -> None:
        self.heard.append((stream, seq, epoch, frame))
        self.on_frame(stream)

    def gap(self, streams: Collection[str]) -> None:
        self.gaps.extend(streams)

    def numbers(self, stream: str) -> list[int]:
        return [seq for name, seq, _, _ in self.heard if name == stream]
