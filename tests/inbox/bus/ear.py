"""A listener that remembers what it heard."""

from collections.abc import Collection


class Ear:
    def __init__(self) -> None:
        self.heard: list[tuple[str, int, str, bytes]] = []
        self.gaps: list[str] = []

    def receive(self, stream: str, seq: int, epoch: str, frame: bytes) -> None:
        self.heard.append((stream, seq, epoch, frame))

    def gap(self, streams: Collection[str]) -> None:
        self.gaps.extend(streams)

    def numbers(self, stream: str) -> list[int]:
        return [seq for name, seq, _, _ in self.heard if name == stream]
