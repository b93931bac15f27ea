"""Server-sent events (WHATWG HTML, section 9.2): our messages as an event stream, and where a client stopped. Pure."""

from collections.abc import Sequence

from gateway.marks import EPOCH_CHARACTERS, SEQ_MAX
from inbox.errors import Invalid
from inbox.model import Cursor

MEDIA_TYPE = "text/event-stream"
LAST_EVENT_ID = "Last-Event-ID"
HEADERS = {
    "content-type": MEDIA_TYPE,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    # nginx keeps what it proxies in a buffer, unless it is told not to.
    "x-accel-buffering": "no",
    "connection": "close",
}
PING = b":\n\n"
"""A comment: clients drop it, and proxies see that the stream is in use."""

_SEQ_DIGITS = len(str(SEQ_MAX))


def head(date: str) -> bytes:
    """The head of the answer. The end of the connection is the end of its body (RFC 9112, section 6.3)."""
    lines = [f"{name}: {value}\r\n" for name, value in {"date": date, **HEADERS}.items()]
    return f"HTTP/1.1 200 OK\r\n{''.join(lines)}\r\n".encode()


def data(payload: bytes) -> bytes:
    """The end of an event: one message. JSON as we write it has no line breaks."""
    return b"data: %s\n\n" % payload


def event_id(cursor: Cursor) -> bytes:
    """A line of an event: a client that comes back goes on from ``cursor``."""
    return b"id: %s:%d\n" % (cursor.epoch.encode(), cursor.seq)


def retry(after_s: float) -> bytes:
    """A line of an event: a client that loses the connection waits so long before it comes back."""
    return b"retry: %d\n" % (after_s * 1_000)


def cursor_of(last_event_ids: Sequence[str]) -> Cursor | None:
    """Where a client stopped, by its ``Last-Event-ID`` headers; ``None``: it wants a snapshot.

    :raises Invalid: it is none of ours.
    """
    if not any(last_event_ids):
        return None
    epoch, _, seq = last_event_ids[0].rpartition(":")
    is_epoch = 0 < len(epoch) <= EPOCH_CHARACTERS
    is_seq = seq.isascii() and seq.isdecimal() and len(seq) <= _SEQ_DIGITS and int(seq) <= SEQ_MAX
    if len(last_event_ids) > 1 or not is_epoch or not is_seq:
        raise Invalid.field(LAST_EVENT_ID, "expected one id of an event of this stream, <epoch>:<seq>")
    return Cursor(epoch, int(seq))
