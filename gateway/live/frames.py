"""From bytes to what a client said, by the ``websockets`` sans-I/O protocol. No I/O.

Between two messages a connection is like any other, so it needs no reader of its own: a node keeps one, lends it to
whoever has sent something, and lets a client keep it only while a message is incomplete.
"""

import logging
from codecs import getincrementaldecoder
from collections.abc import Iterator

from msgspec import Struct
from websockets.exceptions import PayloadTooBig
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from gateway.live import wire
from gateway.live.codes import CloseCode

_SLICE_BYTES = 4_096
"""Parsed at a time: a client that sends nothing but frame headers is stopped after a slice of them."""
_TINY_BYTES = 1_024
"""A fragment below this only costs; larger ones are bounded by the size of the message."""
_NO_STATUS = 1005
"""What the protocol object calls a close frame without a code."""
_MASK_BYTES = 4

_Utf8Decoder = getincrementaldecoder("utf-8")
_quiet = logging.getLogger("bellwire.frames")
_quiet.setLevel(logging.CRITICAL)


class Control(Struct, frozen=True):
    """A ping, an unasked pong or a tiny fragment: it says nothing and costs. Send ``answer``, if there is one."""

    answer: bytes = b""


class Closing(Struct, frozen=True):
    """The client closes: send ``answer``, and nothing after it."""

    answer: bytes


class Failure(Struct, frozen=True):
    """What came breaks the protocol: close with this."""

    code: int
    reason: str


_NOT_UTF8 = Failure(1007, "expected UTF-8")

Heard = str | Control | Closing | Failure


class FrameReader:
    """Reads the frames of one client, from one boundary between messages to another.

    :param max_bytes: the largest message.
    """

    __slots__ = ("_protocol", "_text", "_unread_bytes")

    def __init__(self, max_bytes: int) -> None:
        self._protocol = ServerProtocol(state=State.OPEN, max_size=max_bytes, logger=_quiet)
        self._text: _Text | None = None
        self._unread_bytes = 0

    def read(self, data: bytes) -> Iterator[Heard]:
        """What ``data`` brings, in order. After ``Closing`` or a failure nothing more is to be read."""
        for start in range(0, len(data), _SLICE_BYTES):
            piece = data[start : start + _SLICE_BYTES]
            self._unread_bytes += len(piece)
            self._protocol.receive_data(piece)
            # Its own answers do not say where among ours they belong.
            self._protocol.data_to_send()
            for frame in self._protocol.events_received():
                if isinstance(frame, Frame):
                    self._unread_bytes -= _wire_bytes(frame)
                    yield from self._take(frame)
            if self._protocol.close_rcvd is not None:
                # For the protocol object it is an error in the middle of a message; RFC 6455 section 5.4 allows it.
                yield Closing(_echo(self._protocol.close_rcvd))
                return
            if self._protocol.parser_exc is not None:
                yield self._failure(self._protocol.parser_exc)
                return

    @property
    def is_between_messages(self) -> bool:
        """Whether everything that was read was whole, so that the next bytes may come from anybody."""
        return self._unread_bytes == 0 and self._text is None and self._protocol.state is State.OPEN

    def end(self) -> None:
        """Nothing more will be read: undo the circles of references in the protocol object.

        The garbage collector looks at the young only, and a reader lives as long as its connection.
        """
        self._protocol.parser.close()
        self._protocol.parser_exc = None

    def _take(self, frame: Frame) -> Iterator[Heard]:
        match frame.opcode:
            case Opcode.TEXT if frame.fin:
                yield _decoded(bytes(frame.data))
            case Opcode.TEXT | Opcode.CONT:
                if len(frame.data) < _TINY_BYTES:
                    yield Control()
                yield from self._join(frame)
            case Opcode.BINARY:
                yield Failure(CloseCode.BAD_FRAME, "expected text frames")
            case Opcode.PING:
                yield Control(wire.pong_frame(bytes(frame.data)))
            case Opcode.PONG:
                yield Control()

    def _join(self, fragment: Frame) -> Iterator[str | Failure]:
        text = self._text = self._text or _Text()
        try:
            text.add(bytes(fragment.data), last=fragment.fin)
        except UnicodeDecodeError:
            yield _NOT_UTF8
            return
        if fragment.fin:
            self._text = None
            yield text.whole()

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
        """Take back one that stands between messages."""
        self._spare = reader


def _wire_bytes(frame: Frame) -> int:
    """How many bytes ``frame`` took, or fewer: a client may write its length longer than necessary."""
    size = len(frame.data)
    extended = 0 if size < 126 else 2 if size < 1 << 16 else 8
    return 2 + extended + _MASK_BYTES + size


class _Text:
    """A message in fragments, decoded as they come: the first fragment that is not UTF-8 shows."""

    __slots__ = ("_decoder", "_parts")

    def __init__(self) -> None:
        self._decoder = _Utf8Decoder()
        self._parts: list[str] = []

    def add(self, data: bytes, last: bool) -> None:
        """:raises UnicodeDecodeError: it is not UTF-8."""
        self._parts.append(self._decoder.decode(data, last))

    def whole(self) -> str:
        return "".join(self._parts)


def _decoded(data: bytes) -> str | Failure:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _NOT_UTF8


def _echo(close: Close) -> bytes:
    """The frame that answers ``close``: with the same code, or with none."""
    return wire.close_frame(None if close.code == _NO_STATUS else close.code)
