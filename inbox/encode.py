"""The public JSON of items and entries, encoded once and the same wherever it appears: bus, socket, pull."""

from collections.abc import Sequence
from typing import Any

import orjson

from inbox.model import Counts, Entry, Head, Item
from inbox.times import rfc3339


def content_json(content: dict[str, Any]) -> bytes:
    """The public part of a notification as the members of a JSON object, without the braces."""
    return orjson.dumps(content)[1:-1]


def counts_json(counts: Counts) -> bytes:
    return b'{"unread":%d,"unseen":%d}' % (counts.unread, counts.unseen)


def _time(at: int | None) -> bytes:
    return b"null" if at is None else b'"%s"' % rfc3339(at).encode()


def item_json(item: Item) -> bytes:
    """One item as in design §8."""
    shown = item.notification
    return (
        b'{"id":"%s","seq":%d,"notification":"%s",%s,"actors":%s,"collapsed":%d,'
        b'"created_at":%s,"seen_at":%s,"read_at":%s,"archived_at":%s,"expires_at":%s}'
    ) % (
        item.id.encode(),
        item.seq,
        shown.id.encode(),
        shown.content,
        shown.actors if item.actors is None else item.actors,
        item.collapsed,
        _time(shown.created_at),
        _time(item.seen_at),
        _time(item.read_at),
        _time(item.archived_at),
        _time(shown.expires_at),
    )


def entry_json(entry: Entry) -> bytes:
    """One entry as in design §7, ``t`` included: pages of the log hold the very frames that went out live."""
    head = b'{"t":"entry","seq":%d,"kind":"%s","at":%s,' % (entry.seq, entry.kind.encode(), _time(entry.at))
    return head + _change(entry) + b'"counts":' + counts_json(entry.counts) + b"}"


def _change(entry: Entry) -> bytes:
    """What changed, as members that each end in a comma."""
    reason = b"" if entry.reason is None else b'"reason":"%s",' % entry.reason.encode()
    if entry.item is not None:
        return b'"item":%s,' % item_json(entry.item)
    if entry.ids is not None:
        return b'"ids":%s,' % orjson.dumps(entry.ids) + reason
    if entry.upto is not None:
        return b'"upto":%d,' % entry.upto + reason
    return b""


def signal_json(topic: str, data: bytes) -> bytes:
    """One signal as in design §7; ``data`` is encoded."""
    return b'{"t":"signal","topic":%s,"data":%s}' % (orjson.dumps(topic), data)


def head_members(head: Head) -> bytes:
    """``"epoch":…,"seq":…,"counts":…`` as members, to be put into a larger object."""
    return b'"epoch":"%s","seq":%d,"counts":%s' % (head.epoch.encode(), head.seq, counts_json(head.counts))


def array(parts: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(parts) + b"]"
