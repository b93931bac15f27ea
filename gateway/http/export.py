"""Everything there is of one user, as JSON lines."""

from collections.abc import AsyncIterator

import orjson

from gateway.http.profile import user_json
from inbox.encode import entry_json, head_members, item_json
from inbox.errors import BellwireError, StreamReset
from inbox.ids import stream_key
from inbox.model import Head
from inbox.store.base import Store

NDJSON = "application/x-ndjson"
_PAGE = 100


async def export(store: Store, tenant: str, user: str) -> AsyncIterator[bytes]:
    """The lines, some at a time: the profile, the topics, the items, the log, and how it ended.

    What changes meanwhile is in the log's lines. The last is ``end``; it is not ``complete`` if the stream was erased
    or trimmed under the reader, or the store went away.

    :raises Unavailable: the store does not answer; nothing was read.
    """
    parts = _parts(store, tenant, user)
    first = await anext(parts)

    async def rest() -> AsyncIterator[bytes]:
        yield first
        try:
            async for part in parts:
                yield part
        except BellwireError as error:
            yield _line("end", orjson.dumps({"complete": False, "code": error.code, "detail": str(error)}))

    return rest()


async def _parts(store: Store, tenant: str, user: str) -> AsyncIterator[bytes]:
    stream = stream_key(tenant, user)
    (head,) = await store.heads([stream])
    profile = await store.user(tenant, user)
    yield b"" if profile is None else _line("user", user_json(profile))
    async for part in _topics(store, stream):
        yield part
    async for part in _items(store, stream, head.epoch):
        yield part
    async for part in _entries(store, stream, head.epoch):
        yield part
    (head,) = await store.heads([stream])
    yield _line("end", b'{"complete":true,%s}' % head_members(head))


async def _topics(store: Store, stream: str) -> AsyncIterator[bytes]:
    after = None
    while True:
        found = await store.topics_of(stream, after, _PAGE)
        yield b"".join(_line("topic", orjson.dumps({"id": topic})) for topic in found.items)
        if (after := found.next) is None:
            return


async def _items(store: Store, stream: str, epoch: str) -> AsyncIterator[bytes]:
    before = None
    while True:
        page = await store.page(stream, limit=_PAGE, before=before, status="all")
        if page.head.epoch != epoch:
            raise StreamReset("the user was erased meanwhile")
        yield b"".join(_line("item", item_json(item)) for item in page.items)
        if (before := page.next) is None:
            return


async def _entries(store: Store, stream: str, epoch: str) -> AsyncIterator[bytes]:
    (head,) = await store.heads([stream])
    since = await _oldest(store, stream, Head(epoch, head.seq))
    while True:
        changes = await store.changes(stream, since, epoch, _PAGE)
        yield b"".join(_line("entry", entry_json(entry)) for entry in changes.entries)
        if not changes.more:
            return
        since = changes.entries[-1].seq


async def _oldest(store: Store, stream: str, head: Head) -> int:
    """The cursor below which the log no longer reaches, found by halving: no use case but this one asks for it."""
    low, high = 0, head.seq
    while low < high:
        middle = (low + high) // 2
        try:
            await store.changes(stream, middle, head.epoch, 1)
            high = middle
        except StreamReset:
            low = middle + 1
    return low


def _line(type: str, document: bytes) -> bytes:
    return b'{"type":"%s",%s\n' % (type.encode(), document[1:])
