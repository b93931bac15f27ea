"""What a user's token opens: pages, changes, counts and marks of one inbox."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import orjson
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from gateway.http.access import Gate
from gateway.http.body import JsonBody, NoQuery, parse_query
from gateway.http.endpoint import json_answer
from gateway.http.paging import decode_before, next_json
from gateway.marks import Epoch, MarkBody, Seq, to_mark
from gateway.settings import LIMITS
from inbox.encode import array, counts_json, entry_json, head_members, item_json
from inbox.ids import CATEGORY_PATTERN, stream_key
from inbox.model import Marked, MarkOp, Status
from inbox.service import Inbox


class PageQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the inbox."""

    limit: Annotated[int, Meta(ge=1, le=LIMITS.page_items)] = 25
    before: Annotated[str, Meta(max_length=64)] | None = None
    status: Status = "inbox"
    category: Annotated[str, Meta(pattern=CATEGORY_PATTERN)] | None = None


class ChangesQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """A cursor: has everything up to ``since`` of ``epoch``."""

    epoch: Epoch
    since: Seq
    limit: Annotated[int, Meta(ge=1, le=LIMITS.changes_entries)] = LIMITS.changes_entries


_MARK = JsonBody(MarkBody)


class UserInbox:
    """The pull side of an inbox."""

    def __init__(self, inbox: Inbox, gate: Gate) -> None:
        self._inbox = inbox
        self._store = inbox.store
        self._gate = gate

    async def page(self, request: Request) -> Response:
        stream = await self._stream(request)
        query = parse_query(request, PageQuery)
        before = None if query.before is None else decode_before(stream, query.before)
        page = await self._store.page(
            stream, limit=query.limit, before=before, status=query.status, category=query.category
        )
        items = array([item_json(item) for item in page.items])
        return json_answer(
            b'{"items":%s,"next":%s,%s}' % (items, next_json(stream, page.next), head_members(page.head))
        )

    async def changes(self, request: Request) -> Response:
        stream = await self._stream(request)
        query = parse_query(request, ChangesQuery)
        changes = await self._store.changes(stream, query.since, query.epoch, query.limit)
        entries = array([entry_json(entry) for entry in changes.entries])
        more = b"true" if changes.more else b"false"
        return json_answer(
            b'{"epoch":%s,"seq":%d,"entries":%s,"more":%s}'
            % (orjson.dumps(changes.head.epoch), changes.head.seq, entries, more)
        )

    async def counts(self, request: Request) -> Response:
        stream = await self._stream(request)
        parse_query(request, NoQuery)
        (head,) = await self._store.heads([stream])
        return json_answer(b"{%s}" % head_members(head))

    def mark(self, op: MarkOp) -> Callable[[Request], Awaitable[Response]]:
        """The handler of ``POST /v1/inbox/<op>``."""

        async def handle(request: Request) -> Response:
            user = await self._gate.user(request)
            parse_query(request, NoQuery)
            mark = to_mark(op, await _MARK.read(request))
            return json_answer(marked_json(await self._inbox.mark(user.tenant, user.user, mark)))

        return handle

    async def _stream(self, request: Request) -> str:
        user = await self._gate.user(request)
        return stream_key(user.tenant, user.user)


def marked_json(done: Marked) -> bytes:
    changed = b'"upto":%d' % (done.upto or 0) if done.changed is None else b'"changed":' + orjson.dumps(done.changed)
    missing = b',"missing":' + orjson.dumps(done.missing) if done.missing else b""
    return b'{"seq":%d,%s,"counts":%s%s}' % (done.head.seq, changed, counts_json(done.head.counts), missing)
