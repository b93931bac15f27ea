"""Things to store, and an outlet that remembers."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection

from inbox.encode import content_json
from inbox.ids import new_id, stream_key
from inbox.model import Entry, Item, Notification, Submission
from inbox.times import now_ms

TENANT = "acme"


def submission(
    *users: str,
    tenant: str = TENANT,
    category: str = "news",
    key: str | None = None,
    title: str = "Hello",
    topic: str | None = None,
    send_at: int | None = None,
    expires_at: int | None = None,
    collapse_key: str | None = None,
    actor: str | None = None,
) -> Submission:
    """A new notification for ``users`` or a ``topic``; the same ``key`` comes with the same body."""
    notification = Notification(
        new_id(),
        tenant,
        category,
        content_json({"category": category, "title": title}),
        now_ms() if send_at is None else send_at,
        expires_at,
        b"[]" if actor is None else b'[{"name":"%s"}]' % actor.encode(),
        collapse_key,
    )
    return Submission(notification, users, key, None if key is None else b"hash of the body", topic, send_at)


def retitled(title: str) -> Callable[[bytes], bytes]:
    """A change for ``Store.amend`` that gives the notification another title."""

    def change(content: bytes) -> bytes:
        return content_json({**json.loads(b"{%s}" % content), "title": title})

    return change


def title_of(item: Item | None) -> str:
    """What ``item`` says."""
    assert item is not None
    return str(json.loads(b"{%s}" % item.notification.content)["title"])


def stream_of(user: str, tenant: str = TENANT) -> str:
    return stream_key(tenant, user)


class Recorder:
    """An outlet that keeps what it is handed, per stream.

    :param wanted: the streams it says somebody listens to; all of them if not given.
    """

    def __init__(self, wanted: Collection[str] | None = None) -> None:
        self._wanted = wanted
        self.entries: dict[str, list[Entry]] = defaultdict(list)
        self.epochs: set[str] = set()

    def wants(self, stream: str) -> bool:
        return self._wanted is None or stream in self._wanted

    def emit(self, stream: str, epoch: str, entry: Entry) -> None:
        self.epochs.add(epoch)
        self.entries[stream].append(entry)
