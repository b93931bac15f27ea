"""POST /v1/notifications: the form, and what it means."""

from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from gateway.http.content import Actions, Actor, Body, Data, Title, Url, check_content
from gateway.http.names import Name
from gateway.settings import LIMITS
from inbox.errors import Invalid
from inbox.ids import CATEGORY_PATTERN
from inbox.service import Draft

KEY_HEADER = "Idempotency-Key"
Key = Annotated[str, Meta(min_length=1, max_length=LIMITS.idempotency_key_characters, pattern=r"^[ -~]*\Z")]
Time = Annotated[datetime, Meta(tz=True, description="RFC 3339, with any offset")]

_YEAR_10000_MS = 253_402_300_800_000


class NewNotification(Struct, frozen=True, forbid_unknown_fields=True):
    """What a backend publishes: to ``recipients``, or to whoever is in a ``topic``.

    A recipient that can be no user's id is among the answer's ``rejected``. ``send_at`` lies at most a year ahead; in
    the past it counts as now. ``expires_at`` comes after it.
    """

    JSON_SCHEMA: ClassVar = {"oneOf": [{"required": ["recipients"]}, {"required": ["topic"]}]}

    title: Title
    recipients: Annotated[list[str], Meta(min_length=1, max_length=LIMITS.recipients)] | UnsetType = UNSET
    topic: Name | UnsetType = UNSET
    category: Annotated[str, Meta(pattern=CATEGORY_PATTERN)] = "general"
    body: Body | None = None
    data: Data | None = None
    url: Url | None = None
    actions: Actions = ()
    actor: Actor | None = None
    priority: Literal["low", "normal", "high"] = "normal"
    idempotency_key: Key | None = None
    collapse_key: Annotated[str, Meta(min_length=1, max_length=LIMITS.collapse_key_characters)] | None = None
    send_at: Time | None = None
    expires_at: Time | None = None


def draft(tenant: str, wanted: NewNotification, key: str | None, now: int) -> Draft:
    """The notification that ``wanted`` asks for at ``now``, in milliseconds.

    :raises Invalid: what the form itself cannot say.
    """
    if (wanted.recipients is UNSET) == (wanted.topic is UNSET):
        raise Invalid.field("recipients", "expected either recipients or a topic")
    content = _content(wanted)
    check_content(content)
    send_at, expires_at = _times(wanted, now)
    digest = None if key is None else body_hash(wanted)
    return Draft(tenant, wanted.category, content, wanted.collapse_key, send_at, expires_at, key, digest)


def _content(wanted: NewNotification) -> dict[str, Any]:
    """The members that a notification gives every item that shows it (design §8)."""
    return {
        "category": wanted.category,
        "title": wanted.title,
        "body": wanted.body,
        "data": wanted.data,
        "url": wanted.url,
        "actions": msgspec.to_builtins(wanted.actions),
        "actor": msgspec.to_builtins(wanted.actor),
        "priority": wanted.priority,
    }


def _times(wanted: NewNotification, now: int) -> tuple[int | None, int | None]:
    """``send_at``, if it lies ahead, and ``expires_at``."""
    send_at, expires_at = _ms(wanted.send_at), _ms(wanted.expires_at)
    if send_at is not None and send_at > now + LIMITS.send_ahead_s * 1_000:
        raise Invalid.field("send_at", f"expected a time at most {LIMITS.send_ahead_s // 86_400} days ahead")
    if expires_at is not None and not max(now, send_at or now) < expires_at < _YEAR_10000_MS:
        raise Invalid.field("expires_at", "expected a time to come, after send_at and before the year 10000")
    return None if send_at is None or send_at <= now else send_at, expires_at


def _ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1_000)


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
    """Equal for bodies that mean the same: wherever the key stood, however members were ordered and times written."""
    times = (_ms(wanted.send_at), _ms(wanted.expires_at))
    rest = replace(wanted, idempotency_key=None, send_at=None, expires_at=None)
    return sha256(msgspec.json.encode((rest, times), order="sorted")).digest()
