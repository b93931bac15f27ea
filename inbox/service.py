"""The use cases of the inbox. Talks to ports only: one store, one bus."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from msgspec import Struct

from inbox.bus.base import Bus
from inbox.encode import content_json, entry_json, signal_json
from inbox.errors import FieldError, Invalid, NotFound
from inbox.ids import NAME_RULE, channel_key, is_name, new_id, stream_key
from inbox.model import Entry, Mark, Marked, Notification, Progress, Submission
from inbox.store.base import Store
from inbox.times import now_ms


class Draft(Struct, frozen=True):
    """A notification as a backend wants it, checked, before it has an id and recipients.

    ``content`` is its public members. ``send_at`` and ``expires_at`` are in milliseconds; ``send_at`` lies ahead.
    ``key`` and ``body_hash`` make its publish idempotent; both or neither.
    """

    tenant: str
    category: str
    content: dict[str, Any]
    collapse_key: str | None = None
    send_at: int | None = None
    expires_at: int | None = None
    key: str | None = None
    body_hash: bytes | None = None


class Rejected(Struct, frozen=True):
    """A recipient that was not accepted, and why."""

    recipient: str
    code: str
    detail: str


class Published(Struct, frozen=True):
    """The answer to a publish (design §8): ``accepted`` recipients, ``duplicates`` within the request."""

    id: str
    accepted: int
    duplicates: int = 0
    rejected: tuple[Rejected, ...] = ()


def sort_recipients(recipients: Sequence[str]) -> tuple[list[str], int, tuple[Rejected, ...]]:
    """Split a request's recipients into the distinct good ones, the number of repeats, and the malformed ones."""
    good = dict.fromkeys(name for name in recipients if is_name(name))
    bad = tuple(Rejected(name[:128], "invalid", NAME_RULE) for name in recipients if not is_name(name))
    return list(good), len(recipients) - len(good) - len(bad), bad


class Inbox:
    """Publish, change one's mind, mark and erase, with every written entry handed to the bus.

    Reads that need nothing but the store (``page``, ``changes``, ``heads``) are called on ``store`` directly.

    :param item_keep_s: seconds until a notification expires that does not say when.
    :param nudge: called when something was written that ``Store.work`` has to go on with.
    """

    def __init__(self, store: Store, bus: Bus, *, item_keep_s: float, nudge: Callable[[], None]) -> None:
        self.store = store
        self._bus = bus
        self._item_keep_ms = int(item_keep_s * 1_000)
        self._nudge = nudge
        store.outlet = self

    def wants(self, stream: str) -> bool:
        return self._bus.wants(stream)

    def emit(self, stream: str, epoch: str, entry: Entry) -> None:
        self._bus.publish(stream, entry.seq, epoch, entry_json(entry))

    async def publish(self, draft: Draft, recipients: Sequence[str]) -> Published:
        """Store one notification for ``recipients`` and push it to whoever is there, now or when it is due.

        :raises Invalid: no recipient is well-formed.
        :raises IdempotencyConflict: the key stands for another body.
        :raises Unavailable: the store does not answer; nothing happened, or all of it soon will.
        """
        good, duplicates, rejected = sort_recipients(recipients)
        if not good:
            raise Invalid(*(FieldError(f"recipients[{i}]", NAME_RULE) for i in range(min(len(recipients), 10))))
        receipt = await self.store.publish(self._submission(draft, recipients=tuple(good)))
        return Published(receipt.id, receipt.total, duplicates, rejected)

    async def publish_to_topic(self, draft: Draft, topic: str) -> Published:
        """Store one notification for whoever is in ``topic`` when it is due; ``accepted`` is its size now.

        :raises Invalid: the tenant has no such topic.
        :raises IdempotencyConflict: the key stands for another body.
        :raises Unavailable: as with ``publish``.
        """
        try:
            receipt = await self.store.publish(self._submission(draft, topic=topic))
        except NotFound:
            raise Invalid.field("topic", f"expected a topic that exists: PUT /v1/topics/{topic} makes it") from None
        self._nudge()
        return Published(receipt.id, receipt.total)

    def _submission(self, draft: Draft, recipients: tuple[str, ...] = (), topic: str | None = None) -> Submission:
        created_at = now_ms() if draft.send_at is None else draft.send_at
        actor = draft.content.get("actor")
        notification = Notification(
            new_id(),
            draft.tenant,
            draft.category,
            content_json(draft.content),
            created_at,
            created_at + self._item_keep_ms if draft.expires_at is None else draft.expires_at,
            b"[]" if actor is None else orjson.dumps([actor]),
            draft.collapse_key,
        )
        return Submission(notification, recipients, draft.key, draft.body_hash, topic, draft.send_at)

    async def cancel(self, tenant: str, notification: str) -> Progress:
        """Take a notification out of every inbox, and stop what is not fanned out. Once more does nothing more.

        :raises NotFound: the tenant has no notification of this id.
        """
        progress = _found(await self.store.cancel(tenant, notification), notification)
        self._nudge()
        return progress

    async def amend(self, tenant: str, notification: str, members: dict[str, Any]) -> Progress:
        """Give a notification other ``members`` of its content, in every inbox. The same once more does nothing.

        :raises NotFound: the tenant has no notification of this id.
        :raises Conflict: it is cancelled or expired, or was amended too often.
        """

        def change(content: bytes) -> bytes:
            return content_json({**orjson.loads(b"{%s}" % content), **members})

        progress = _found(await self.store.amend(tenant, notification, change), notification)
        self._nudge()
        return progress

    async def progress(self, tenant: str, notification: str) -> Progress:
        """:raises NotFound: the tenant has no notification of this id."""
        return _found(await self.store.progress(tenant, notification), notification)

    def signal(self, tenant: str, topic: str, data: bytes) -> None:
        """Show ``data``, encoded, to whoever is in the live channel ``topic`` now. Best effort: nothing is stored."""
        self._bus.publish(channel_key(tenant, topic), 0, "", signal_json(topic, data))

    async def mark(self, tenant: str, user: str, mark: Mark) -> Marked:
        """Change the state of a user's items.

        :raises NotFound: ids were given and none of them is in this inbox.
        :raises StreamReset: ``mark.epoch`` names another incarnation of the stream.
        """
        done = await self.store.mark(stream_key(tenant, user), mark)
        if mark.ids and len(done.missing) == len(set(mark.ids)):
            raise NotFound("expected ids of items in this inbox, found none of them: fetch the inbox again")
        return done

    async def erase(self, tenant: str, user: str) -> bool:
        """Remove every trace of a user. False: it is certain, and goes on in the background."""
        done = await self.store.erase(stream_key(tenant, user))
        self._nudge()
        return done


def _found(progress: Progress | None, notification: str) -> Progress:
    if progress is None:
        raise NotFound(f"no notification {notification[:64]} in this tenant")
    return progress
