"""Things to store, and an outlet that remembers."""

from collections import defaultdict
from collections.abc import Collection

from inbox.encode import content_json
from inbox.ids import new_id, stream_key
from inbox.model import Entry, Notification, Submission
from inbox.times import now_ms

TENANT = "acme"


def submission(*users: str, tenant: str = TENANT, category: str = "news", key: str | None = None) -> Submission:
    """A new notification for ``users``; the same ``key`` comes with the same body."""
    content = content_json({"category": category, "title": "Hello"})
    notification = Notification(new_id(), tenant, category, content, now_ms())
    return Submission(notification, users, key, None if key is None else b"hash of the body")


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
