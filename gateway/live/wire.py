"""The wire, version 1 (design §7): what clients say, read into Structs, and what the server says, as bytes."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import orjson
from msgspec import Meta, Struct

from gateway.fields import field_error
from gateway.http.names import Name
from gateway.marks import MARK_OPS, Epoch, MarkBody, Seq, to_mark
from inbox.encode import array, head_members
from inbox.errors import BellwireError, Invalid
from inbox.model import Cursor, Head, Mark, Marked, MarkOp

OP_CHARACTERS = 64

Op = Annotated[str, Meta(max_length=OP_CHARACTERS)]


class Place(Cursor, frozen=True):
    """A cursor as a client names it."""

    epoch: Epoch
    seq: Seq


class Hello(Struct, frozen=True):
    """The first frame. No cursor: a snapshot is wanted."""

    token: str
    cursor: Place | None = None
    visible: bool = True


class Ack(Struct, frozen=True):
    """The client has everything up to ``seq``."""

    seq: Seq


class Visible(Struct, frozen=True):
    """Whether the inbox is on a screen that somebody may look at. Nothing follows from it yet."""

    on: bool


class Refresh(Struct, frozen=True):
    """A new token for the same user."""

    token: str
    op: Op | None = None


class Sub(Struct, frozen=True):
    """Receive the signals of ``topic`` from now on."""

    topic: Name
    op: Op | None = None


class Unsub(Struct, frozen=True):
    """Receive them no more."""

    topic: Name
    op: Op | None = None


class Pong(Struct, frozen=True):
    """An answer to ``ping``."""


class MarkItems(Struct, frozen=True):
    """A mark; the client calls it ``op`` and wants to hear what became of it."""

    mark: Mark
    op: Op | None


Message = Hello | Ack | Visible | Refresh | Sub | Unsub | Pong | MarkItems


class BadFrame(Exception):
    """Not a message of this protocol at all."""


class Refused(Exception):
    """A message that cannot be done as it is; the connection goes on. ``op`` is the client's name for it."""

    def __init__(self, op: str | None, code: str, message: str) -> None:
        super().__init__(message)
        self.op = op
        self.code = code


class _Envelope(Struct, frozen=True):
    t: str
    op: Any = None


class _MarkForm(MarkBody, frozen=True, forbid_unknown_fields=False):
    op: Op | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_FORMS: dict[str, type[Struct]] = {
    "hello": Hello,
    "ack": Ack,
    "visible": Visible,
    "refresh": Refresh,
    "sub": Sub,
    "unsub": Unsub,
    "pong": Pong,
    **dict.fromkeys(MARK_OPS, _MarkForm),
}
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {t: msgspec.json.Decoder(form) for t, form in _FORMS.items()}
_MARKS: dict[str, MarkOp] = {op: op for op in MARK_OPS}


def read_message(text: str) -> Message:
    """What a client said in one text frame.

    :raises BadFrame: not JSON, not an object, or without a ``t``.
    :raises Refused: an unknown ``t`` (``unknown_type``), or a field that does not fit (``invalid``).
    """
    try:
        envelope = _ENVELOPE.decode(text)
    except (ValueError, RecursionError):
        raise BadFrame("expected a JSON object with a string t") from None
    op = envelope.op if isinstance(envelope.op, str) and len(envelope.op) <= OP_CHARACTERS else None
    decoder = _DECODERS.get(envelope.t)
    if decoder is None:
        raise Refused(op, "unknown_type", f"expected t to be one of {', '.join(_FORMS)}")
    try:
        form: Any = decoder.decode(text)
        return MarkItems(to_mark(_MARKS[envelope.t], form), form.op) if isinstance(form, _MarkForm) else form
    except msgspec.ValidationError as error:
        wrong = field_error(error, _FORMS[envelope.t])
        raise Refused(op, "invalid", f"{wrong.field}: {wrong.message}") from None
    except Invalid as error:
        raise Refused(op, "invalid", str(error)) from None


def text_frame(payload: bytes) -> bytes:
    """``payload`` as one WebSocket text frame. A server's frames are not masked, so everybody gets the same bytes."""
    return _frame(0x81, payload)


def payload_of(frame: bytes) -> bytes:
    """What ``text_frame`` put into ``frame``."""
    size = frame[1]
    return frame[2 if size < 126 else 4 if size == 126 else 10 :]


def close_frame(code: int | None, reason: str = "") -> bytes:
    """A WebSocket close frame, perhaps without a code; ``reason`` is ASCII and cut to what fits."""
    return _frame(0x88, b"" if code is None else code.to_bytes(2, "big") + reason.encode("ascii", "replace")[:123])


def pong_frame(payload: bytes) -> bytes:
    """The answer to a WebSocket ping with ``payload``."""
    return _frame(0x8A, payload)


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 1 << 16:
        return bytes((first, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload


class Greeting(Struct, frozen=True):
    """What every welcome begins with. ``heartbeat_s`` is how often the server pings."""

    session: str
    user: str
    heartbeat_s: float

    def resumed(self, head: Head, entries: Sequence[bytes]) -> bytes:
        """The welcome of a client that gets all it missed; ``entries`` are the first of them, encoded."""
        return self._welcome(head, b'true,"entries":' + array(entries))

    def snapshot(self, head: Head, items: bytes, next: bytes) -> bytes:
        """The welcome of a client that starts over. ``items`` is the newest page and ``next`` its cursor, encoded."""
        return self._welcome(head, b'false,"items":%s,"next":%s' % (items, next))

    def _welcome(self, head: Head, rest: bytes) -> bytes:
        return b'{"t":"welcome","session":"%s","user":%s,%s,"heartbeat":%s,"resumed":%s}' % (
            self.session.encode(),
            orjson.dumps(self.user),
            head_members(head),
            b"%g" % self.heartbeat_s,
            rest,
        )


def reply(op: str, seq: int | None = None, missing: Sequence[str] = ()) -> bytes:
    """A wish was done. ``seq`` is where the stream stands then, for a mark."""
    members: dict[str, Any] = {"t": "reply", "op": op}
    if seq is not None:
        members["seq"] = seq
    if missing:
        members["missing"] = missing
    return orjson.dumps(members)


def marked_reply(op: str, done: Marked) -> bytes:
    return reply(op, done.head.seq, done.missing)


def error(op: str | None, code: str, message: str, temporary: bool) -> bytes:
    members = {} if op is None else {"op": op}
    return orjson.dumps({"t": "error", **members, "code": code, "message": message, "temporary": temporary})


def error_of(op: str | None, failure: BellwireError) -> bytes:
    return error(op, failure.code, str(failure), failure.temporary)


def sync(seq: int) -> bytes:
    """Entries up to ``seq`` were withheld from a reader that was too slow."""
    return b'{"t":"sync","seq":%d}' % seq


def bye(code: int, after_s: float, spread_s: float) -> bytes:
    """Come back after ``after_s`` and a random part of ``spread_s``."""
    return b'{"t":"bye","code":%d,"after":%d,"spread":%d}' % (code, after_s * 1_000, spread_s * 1_000)


PING = text_frame(b'{"t":"ping"}')
