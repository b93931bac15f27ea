"""From bytes to what a client said, by the ``websockets`` protocol object that shook hands. No I/O."""

from collections.abc import Iterator
from enum import Enum, auto

from msgspec import Struct
from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from gateway.live.codes import CloseCode

_SLICE_BYTES = 4_096
"""Parsed at a time: a client that sends nothing but frame headers is stopped after a slice of them."""
_TINY_BYTES = 1_024
"""A fragment below this only costs; larger ones are bounded by the size of the message."""
_INVALID_TEXT = 1007


class Sign(Enum):
    """What came that is not a message."""

    CONTROL = auto()
    """A ping, an unasked pong, or a tiny fragment."""
    CLOSE = auto()
    """The client closes; ``FrameReader.owed`` holds the answer."""


class Failure(Struct, frozen=True):
    """What came breaks the protocol: close with this."""

    code: int
    reason: str


class FrameReader:
    """Reads the frames of one client."""

    __slots__ = ("_fragments", "_protocol")

    def __init__(self, protocol: ServerProtocol) -> None:
        self._protocol = protocol
        self._fragments: list[bytes] | None = None

    def read(self, data: bytes) -> Iterator[str | Sign | Failure]:
        """What ``data`` brings, in order. After ``CLOSE`` or a failure nothing more is to be read."""
        for start in range(0, len(data), _SLICE_BYTES):
            self._protocol.receive_data(data[start : start + _SLICE_BYTES])
            for frame in self._protocol.events_received():
                if isinstance(frame, Frame):
                    yield from self._take(frame)
            if self._protocol.parser_exc is not None:
                yield self._failure(self._protocol.parser_exc)
                return

    def owed(self) -> bytes:
        """The frames to be sent in answer to what was read: pongs, and the echo of a close."""
        return b"".join(self._protocol.data_to_send())

    def _take(self, frame: Frame) -> Iterator[str | Sign | Failure]:
        match frame.opcode:
            case Opcode.TEXT if frame.fin:
                yield _text(bytes(frame.data))
            case Opcode.TEXT | Opcode.CONT:
                if len(frame.data) < _TINY_BYTES:
                    yield Sign.CONTROL
                self._fragments = [] if self._fragments is None else self._fragments
                self._fragments.append(bytes(frame.data))
                if frame.fin:
                    whole, self._fragments = b"".join(self._fragments), None
                    yield _text(whole)
            case Opcode.BINARY:
                yield Failure(CloseCode.BAD_FRAME, "expected text frames")
            case Opcode.CLOSE:
                yield Sign.CLOSE
            case _:
                yield Sign.CONTROL

    def _failure(self, failure: Exception) -> Failure:
        """RFC 6455's own code, except for what is too large: that one says not to come back."""
        rfc = self._protocol.close_sent
        if isinstance(failure, PayloadTooBig) or rfc is None:
            return Failure(CloseCode.TOO_BIG, f"expected at most {self._protocol.max_message_size} bytes")
        return Failure(rfc.code, rfc.reason)


def _text(data: bytes) -> str | Failure:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Failure(_INVALID_TEXT, "expected UTF-8")
