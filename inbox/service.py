"""The use cases of the inbox. Talks to ports only: one store, one bus."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from inbox.bus.base import Bus
from inbox.encode import content_json, entry_json
from inbox.errors import FieldError, Invalid, NotFound
from inbox.ids import NAME_RULE, is_name, new_id, stream_key
from inbox.model import Entry, Mark, Marked, Notification, Progress, Submission
from inbox.store.base import Store
from inbox.times import now_ms


class Rejected(Struct, frozen=True):
    """A recipient that was not accepted, and why."""

    recipient: str
    code: str
    detail: str


class Published(Struct, frozen=True):
    """The answer to a publish (design §8): ``accepted`` recipients, ``duplicates`` within the request."""

    id: str
    accepted: int
    duplicates: int
    rejected: tuple[Rejected, ...]


def sort_recipients(recipients: Sequence[str]) -> tuple[list[str], int, tuple[Rejected, ...]]:
    """Split a request's recipients into the distinct good ones, the number of repeats, and the malformed ones."""
    good = dict.fromkeys(name for name in recipients if is_name(name))
    bad = tuple(Rejected(name[:128], "invalid", NAME_RULE) for name in recipients if not is_name(name))
    return list(good), len(recipients) - len(good) - len(bad), bad


class Inbox:
    """Publish, mark and look up, with every written entry handed to the bus.

    Reads that need nothing but the store (``page``, ``changes``, ``heads``) are called on ``store`` directly.
    """

    def __init__(self, store: Store, bus: Bus) -> None:
        self.store = store
        self._bus = bus
        store.outlet = self

    def wants(self, stream: str) -> bool:
        return self._bus.wants(stream)

    def emit(self, stream: str, epoch: str, entry: Entry) -> None:
        self._bus.publish(stream, entry.seq, epoch, entry_json(entry))

    async def publish(
        self,
        tenant: str,
        recipients: Sequence[str],
        category: str,
        content: dict[str, Any],
        key: str | None = None,
        body_hash: bytes | None = None,
    ) -> Published:
        """Store one notification for ``recipients`` and push it to whoever is there.

        :param content: the notification's public members, already checked.
        :raises Invalid: no recipient is well-formed.
        :raises IdempotencyConflict: ``key`` stands for another ``body_hash``.
        :raises Unavailable: the store does not answer; nothing happened, or all of it soon will.
        """
        good, duplicates, rejected = sort_recipients(recipients)
        if not good:
            raise Invalid(*(FieldError(f"recipients[{i}]", NAME_RULE) for i in range(min(len(recipients), 10))))
        notification = Notification(new_id(), tenant, category, content_json(content), now_ms())
        receipt = await self.store.publish(Submission(notification, tuple(good), key, body_hash))
        return Published(receipt.id, receipt.total, duplicates, rejected)

    async def mark(self, tenant: str, user: str, mark: Mark) -> Marked:
        """Change the state of a user's items.

        :raises NotFound: ids were given and none of them is in this inbox.
        :raises StreamReset: ``mark.epoch`` names another incarnation of the stream.
        """
        done = await self.store.mark(stream_key(tenant, user), mark)
        if mark.ids and len(done.missing) == len(set(mark.ids)):
            raise NotFound("expected ids of items in this inbox, found none of them: fetch the inbox again")
        return done

    async def progress(self, tenant: str, notification: str) -> Progress:
        """:raises NotFound: the tenant has no notification of this id."""
        found = await self.store.progress(tenant, notification)
        if found is None:
            raise NotFound(f"no notification {notification[:64]} in this tenant")
        return found
