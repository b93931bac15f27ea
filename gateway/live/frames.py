"""From bytes to what a client said, by the ``websockets`` sans-I/O protocol. No I/O.

Between two messages a connection is like any other, so it needs no reader of its own: a node keeps one, lends it to
whoever has sent something, and lets a client keep it only while a message is incomplete.
"""

import logging
from collections.abc import Iterator
from enum import Enum, auto

from msgspec import Struct
from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from gateway.live.codes import CloseCode

_SLICE_BYTES = 4_096
"""Parsed at a time: a client that sends nothing but frame headers is stopped after a slice of them."""
_TINY_BYTES = 1_024
"""A fragment below this only costs; larger ones are bounded by the size of the message."""
_INVALID_TEXT = 1007
_MASK_BYTES = 4

_quiet = logging.getLogger("bellwire.frames")
_quiet.setLevel(logging.CRITICAL)


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
    """Reads the frames of one client, from one boundary between messages to another.

    :param max_bytes: the largest message.
    """

    __slots__ = ("_fragments", "_protocol", "_unread_bytes")

    def __init__(self, max_bytes: int) -> None:
        self._protocol = ServerProtocol(state=State.OPEN, max_size=max_bytes, logger=_quiet)
        self._fragments: list[bytes] | None = None
        self._unread_bytes = 0

    def read(self, data: bytes) -> Iterator[str | Sign | Failure]:
        """What ``data`` brings, in order. After ``CLOSE`` or a failure nothing more is to be read."""
        for start in range(0, len(data), _SLICE_BYTES):
            piece = data[start : start + _SLICE_BYTES]
            self._unread_bytes += len(piece)
            self._protocol.receive_data(piece)
            for frame in self._protocol.events_received():
                if isinstance(frame, Frame):
                    self._unread_bytes -= _wire_bytes(frame)
                    yield from self._take(frame)
            if self._protocol.parser_exc is not None:
                yield self._failure(self._protocol.parser_exc)
                return

    def owed(self) -> bytes:
        """The frames to be sent in answer to what was read: pongs, and the echo of a close."""
        return b"".join(self._protocol.data_to_send())

    @property
    def is_between_messages(self) -> bool:
        """Whether everything that was read was whole, so that the next bytes may come from anybody."""
        return self._unread_bytes == 0 and self._fragments is None and self._protocol.state is State.OPEN

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


class FrameReaders:
    """Those of a node: one in reserve, which is enough as long as clients send whole messages.

    :param max_bytes: the largest message.
    """

    __slots__ = ("_max_bytes", "_spare")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._spare: FrameReader | None = None

    def borrow(self) -> FrameReader:
        """One that stands between messages."""
        reader, self._spare = self._spare, None
        return reader or FrameReader(self._max_bytes)

    def give_back(self, reader: FrameReader) -> None:
        """Take back one that stands between messages, and whose answers were sent."""
        self._spare = reader


def _wire_bytes(frame: Frame) -> int:
    """How many bytes ``frame`` took, or fewer: a client may write its length longer than necessary."""
    size = len(frame.data)
    extended = 0 if size < 126 else 2 if size < 1 << 16 else 8
    return 2 + extended + _MASK_BYTES + size


def _text(data: bytes) -> str | Failure:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Failure(_INVALID_TEXT, "expected UTF-8")
