"""Publishing, and changing one's mind."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from bellwire.call import Call, given, path, to
from bellwire.models import Action, Actor, Notification, Published

_PUBLISHED = to(Published)
_NOTIFICATION = to(Notification)


def publish(
    *,
    title: str,
    recipients: str | Sequence[str] | None = None,
    topic: str | None = None,
    category: str | None = None,
    body: str | None = None,
    data: Mapping[str, Any] | None = None,
    url: str | None = None,
    actions: Sequence[Action] | None = None,
    actor: Actor | None = None,
    priority: Literal["low", "normal", "high"] | None = None,
    idempotency_key: str | None = None,
    collapse_key: str | None = None,
    send_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> Call[Published]:
    """Put a notification into the inboxes of ``recipients`` (at most 1,000), or of everybody in ``topic``.

    :param idempotency_key: name it to be safe beyond this call: whoever publishes the same again with the same key,
        within 24 hours, gets the first answer. By default each call makes its own, which covers its own retries.
    :param collapse_key: take over the unread item with this key instead of adding one.
    :param send_at: when it should appear, at most a year ahead; with a time zone, as ``expires_at``.
    :param expires_at: when it should leave the inbox.
    :raises Invalid: a field does not fit, or no recipient does.
    :raises IdempotencyConflict: the key was used with another body.
    """
    return Call(
        method="POST",
        path=path("notifications"),
        read=_PUBLISHED,
        body=given(
            title=title,
            recipients=[recipients] if isinstance(recipients, str) else recipients,
            topic=topic,
            category=category,
            body=body,
            data=data,
            url=url,
            actions=actions,
            actor=actor,
            priority=priority,
            idempotency_key=idempotency_key or secrets.token_urlsafe(18),
            collapse_key=collapse_key,
            send_at=send_at,
            expires_at=expires_at,
        ),
    )


def get(id: str) -> Call[Notification]:
    """How far a notification is. :raises NotFound: there is none."""
    return Call(method="GET", path=path("notifications", id), read=_NOTIFICATION)


def cancel(id: str) -> Call[Notification]:
    """Take a notification out of every inbox, and stop what is not there yet. :raises NotFound: there is none."""
    return Call(method="POST", path=path("notifications", id, "cancel"), read=_NOTIFICATION)


def update(
    id: str,
    *,
    title: str | UnsetType = UNSET,
    body: str | UnsetType | None = UNSET,
    data: Mapping[str, Any] | UnsetType | None = UNSET,
    url: str | UnsetType | None = UNSET,
    actions: Sequence[Action] | UnsetType = UNSET,
) -> Call[Notification]:
    """Change what a notification says, in every inbox; read stays read. ``None`` clears a member.

    :raises NotFound: there is none. :raises Conflict: it was cancelled, or has expired.
    """
    members = {"title": title, "body": body, "data": data, "url": url, "actions": actions}
    changed = {name: member for name, member in members.items() if member is not UNSET}
    return Call(method="PATCH", path=path("notifications", id), read=_NOTIFICATION, body=msgspec.json.encode(changed))
