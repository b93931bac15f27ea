"""A live side with one thing changed: sessions send back what they hear, binary too, which the product refuses."""

import asyncio
from collections.abc import Iterator
from typing import Any

from websockets.frames import Frame, Opcode

from gateway.live import wire
from gateway.live.frames import FrameReader, Heard
from gateway.live.hub import Hub
from gateway.live.session import Answer, Session
from gateway.live.websocket import WebSocket


class EchoSession(Session):
    """Answers with what it hears, and lets a client ping as often as it likes: a fuzzer does."""

    __slots__ = ()

    def receive(self, text: str, now: float) -> Answer:
        return Answer(text.encode())

    def control(self, now: float) -> None:
        pass


class EchoReader(FrameReader):
    """Reads binary messages as well, as ``bytes``."""

    __slots__ = ("_binary",)

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._binary: list[bytes] | None = None

    @property
    def is_between_messages(self) -> bool:
        """Never: it is not one of those that the node lends."""
        return False

    def _take(self, frame: Frame) -> Iterator[Any]:
        if frame.opcode is Opcode.BINARY:
            self._binary = []
        if self._binary is None or frame.opcode not in (Opcode.BINARY, Opcode.CONT):
            yield from super()._take(frame)
            return
        self._binary.append(bytes(frame.data))
        if frame.fin:
            whole, self._binary = b"".join(self._binary), None
            yield whole


class EchoConnection(WebSocket):
    """The product's connection with the two above in it."""

    __slots__ = ()

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._reader = EchoReader(self._shared.limits.frame_bytes)

    def _hear(self, heard: Heard | bytes) -> None:
        if isinstance(heard, bytes):
            # As a text frame, but for its first byte.
            self.send(b"\x82" + wire.text_frame(heard)[1:])
        else:
            super()._hear(heard)


class EchoHub(Hub):
    """The product's hub, whose connections echo."""

    def connect(self, transport: asyncio.Transport, address: bytes) -> asyncio.Protocol:
        return EchoConnection(self._shared, self, EchoSession(self._rules), transport, address)
