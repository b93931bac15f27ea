"""POST /v1/notifications, and what becomes of it."""

from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec
import orjson
from msgspec import Meta, Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from gateway.http.access import Gate
from gateway.http.body import JsonBody
from gateway.http.endpoint import json_answer
from gateway.http.urls import URL_RULE, is_safe_url
from gateway.settings import LIMITS
from inbox.errors import FieldError, Invalid
from inbox.ids import CATEGORY_PATTERN
from inbox.service import Inbox
from inbox.times import rfc3339

Url = Annotated[str, Meta(min_length=1, max_length=LIMITS.url_characters, description=URL_RULE)]
Label = Annotated[str, Meta(min_length=1, max_length=LIMITS.label_characters)]
Key = Annotated[str, Meta(min_length=1, max_length=LIMITS.idempotency_key_characters, pattern=r"^[ -~]*\Z")]


class Action(Struct, frozen=True, forbid_unknown_fields=True):
    """A button."""

    label: Label
    url: Url


class Actor(Struct, frozen=True, forbid_unknown_fields=True):
    """Who did what the notification tells."""

    name: Label
    id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    avatar: Url | None = None


class NewNotification(Struct, frozen=True, forbid_unknown_fields=True):
    """What a backend publishes."""

    recipients: Annotated[list[str], Meta(min_length=1, max_length=LIMITS.recipients)]
    title: Annotated[str, Meta(min_length=1, max_length=LIMITS.title_characters)]
    category: Annotated[str, Meta(pattern=CATEGORY_PATTERN)] = "general"
    body: Annotated[str, Meta(max_length=LIMITS.body_characters)] | None = None
    data: dict[str, Any] | None = None
    url: Url | None = None
    actions: Annotated[tuple[Action, ...], Meta(max_length=LIMITS.actions)] = ()
    actor: Actor | None = None
    priority: Literal["low", "normal", "high"] = "normal"
    idempotency_key: Key | None = None


_BODY = JsonBody(NewNotification)


class Notifications:
    """The backend's side of notifications."""

    def __init__(self, inbox: Inbox, gate: Gate) -> None:
        self._inbox = inbox
        self._gate = gate

    async def publish(self, request: Request) -> Response:
        access = await self._gate.backend(request, "notifications:write")
        wanted = await _BODY.read(request)
        key = key_of(wanted, request.headers.getlist("idempotency-key"))
        check(wanted)
        digest = None if key is None else body_hash(wanted)
        published = await self._inbox.publish(
            access.tenant, wanted.recipients, wanted.category, content(wanted), key, digest
        )
        return json_answer(msgspec.json.encode(published), 202)

    async def get(self, request: Request) -> Response:
        access = await self._gate.backend(request, "notifications:read")
        found = await self._inbox.progress(access.tenant, request.path_params["id"])
        notification = found.notification
        head = b'{"id":"%s","state":"%s","total":%d,"fanned_out":%d,"created_at":"%s",' % (
            notification.id.encode(),
            found.state.encode(),
            found.total,
            found.fanned_out,
            rfc3339(notification.created_at).encode(),
        )
        return json_answer(head + notification.content + b"}")


def content(wanted: NewNotification) -> dict[str, Any]:
    """The members that a notification gives every item that shows it (design §8)."""
    actor = None if wanted.actor is None else msgspec.structs.asdict(wanted.actor)
    return {
        "category": wanted.category,
        "title": wanted.title,
        "body": wanted.body,
        "data": wanted.data,
        "url": wanted.url,
        "actions": [msgspec.structs.asdict(action) for action in wanted.actions],
        "actor": actor,
        "priority": wanted.priority,
    }


def key_of(wanted: NewNotification, headers: list[str]) -> str | None:
    """The idempotency key, wherever it stands.

    :raises Invalid: keys that differ, or one that does not fit.
    """
    given = {*headers} if wanted.idempotency_key is None else {*headers, wanted.idempotency_key}
    if len(given) > 1:
        raise Invalid.field("idempotency_key", "expected the same key in the body and in Idempotency-Key")
    key = next(iter(given), None)
    if key is not None:
        try:
            msgspec.convert(key, Key)
        except msgspec.ValidationError as error:
            raise Invalid.field("idempotency_key", str(error)) from None
    return key


def body_hash(wanted: NewNotification) -> bytes:
    """Equal for bodies that mean the same, wherever the key stood and however the members were ordered."""
    return sha256(msgspec.json.encode(replace(wanted, idempotency_key=None), order="sorted")).digest()


def check(wanted: NewNotification) -> None:
    """What the form itself cannot say.

    :raises Invalid: a URL that is not safe everywhere, or data beyond its bounds.
    """
    urls = [("url", wanted.url), *((f"actions[{n}].url", action.url) for n, action in enumerate(wanted.actions))]
    if wanted.actor is not None:
        urls.append(("actor.avatar", wanted.actor.avatar))
    errors = [FieldError(field, URL_RULE) for field, url in urls if url is not None and not is_safe_url(url)]
    if wanted.data is not None and (message := _data_error(wanted.data)):
        errors.append(FieldError("data", message))
    if errors:
        raise Invalid(*errors)


def _data_error(data: dict[str, Any]) -> str | None:
    # orjson first: it refuses integers beyond 64 bits, and nesting that the walk below could not survive.
    try:
        size = len(orjson.dumps(data))
    except TypeError as error:
        return f"expected plain JSON: {error}"
    if size > LIMITS.data_bytes:
        return f"expected at most {LIMITS.data_bytes} bytes as JSON, got {size}"
    if _is_deeper(data, LIMITS.json_depth):
        return f"expected at most {LIMITS.json_depth} levels of nesting"
    return None


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    members = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(member, levels - 1) for member in members)
