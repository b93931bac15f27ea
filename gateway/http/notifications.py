"""The backend's side of notifications: publish, follow, take back, change."""

from typing import ClassVar

import msgspec
import orjson
from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from gateway.http.access import Gate
from gateway.http.body import JsonBody, NoQuery, parse_query
from gateway.http.content import Actions, Body, Data, Title, Url, check_content
from gateway.http.endpoint import json_answer
from gateway.http.publish import KEY_HEADER, NewNotification, draft, key_of
from inbox.errors import Invalid
from inbox.model import Progress
from inbox.service import Inbox
from inbox.times import now_ms, rfc3339


class Amendment(Struct, frozen=True, forbid_unknown_fields=True):
    """The members that should be others; null clears one."""

    JSON_SCHEMA: ClassVar = {"minProperties": 1}

    title: Title | UnsetType = UNSET
    body: Body | UnsetType | None = UNSET
    data: Data | UnsetType | None = UNSET
    url: Url | UnsetType | None = UNSET
    actions: Actions | UnsetType = UNSET


_NEW = JsonBody(NewNotification)
_AMENDMENT = JsonBody(Amendment)


class Notifications:
    """Handlers of ``/v1/notifications``."""

    def __init__(self, inbox: Inbox, gate: Gate) -> None:
        self._inbox = inbox
        self._gate = gate

    async def publish(self, request: Request) -> Response:
        access = await self._gate.backend(request, "notifications:write")
        parse_query(request, NoQuery)
        wanted = await _NEW.read(request)
        made = draft(access.tenant, wanted, key_of(wanted, request.headers.getlist(KEY_HEADER)), now_ms())
        if wanted.topic is UNSET:
            published = await self._inbox.publish(made, wanted.recipients or ())
        else:
            published = await self._inbox.publish_to_topic(made, wanted.topic)
        return json_answer(msgspec.json.encode(published), 202)

    async def get(self, request: Request) -> Response:
        access = await self._gate.backend(request, "notifications:read")
        parse_query(request, NoQuery)
        return _answer(await self._inbox.progress(access.tenant, request.path_params["id"]))

    async def cancel(self, request: Request) -> Response:
        access = await self._gate.backend(request, "notifications:write")
        parse_query(request, NoQuery)
        return _answer(await self._inbox.cancel(access.tenant, request.path_params["id"]))

    async def amend(self, request: Request) -> Response:
        access = await self._gate.backend(request, "notifications:write")
        parse_query(request, NoQuery)
        members = msgspec.to_builtins(await _AMENDMENT.read(request))
        if not members:
            raise Invalid.field("body", f"expected at least one of {', '.join(Amendment.__struct_fields__)}")
        check_content(members)
        return _answer(await self._inbox.amend(access.tenant, request.path_params["id"], members))


def _answer(progress: Progress) -> Response:
    """A notification as backends see it; ``views.NotificationStatus`` describes it."""
    shown = progress.notification
    members = {
        "id": shown.id,
        "state": progress.state,
        "total": progress.total,
        "fanned_out": progress.fanned_out,
        "topic": progress.topic,
        "collapse_key": shown.collapse_key,
        "version": shown.version,
        "created_at": rfc3339(shown.created_at),
        "send_at": None if progress.send_at is None else rfc3339(progress.send_at),
        "expires_at": None if shown.expires_at is None else rfc3339(shown.expires_at),
    }
    return json_answer(orjson.dumps(members)[:-1] + b"," + shown.content + b"}")
