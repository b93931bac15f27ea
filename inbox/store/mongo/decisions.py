"""What becomes of an item: the entries that jobs write, decided from the item as it stands. Pure.

A job writes to a stream at most once, under its name: the notification's id for its arrival, ``<id>@<version>`` for an
update to that version, ``<id>!`` for its removal.
"""

from msgspec import Struct
from msgspec.structs import replace

from inbox.collapse import newest_actors
from inbox.model import Counts, Notification, NotificationState
from inbox.store.mongo.records import Place, Record, State, StoredItem
from inbox.stream import weight


class News(Struct, frozen=True):
    """What is true of a notification now, whatever an item shows of it."""

    id: str
    state: NotificationState
    version: int

    @property
    def is_over(self) -> bool:
        return self.state in ("cancelled", "expired")


def created(stream: str, place: Place, notification: str, version: int, at: int) -> Record:
    """The entry after ``place`` that makes an item of ``notification``."""
    after = place.next(Counts(place.unread + 1, place.unseen + 1))
    return Record(stream, after.seq, notification, "created", at, after, version=version, open=True)


def taken_over(place: Place, item: StoredItem, by: Notification, at: int) -> Record:
    """The entry after ``place`` that makes the unread ``item`` show ``by``, unseen and on top."""
    now_unseen = weight(item.marks).unseen == 0
    after = place.next(Counts(place.unread, place.unseen + now_unseen))
    state = State(
        after.seq,
        seq=after.seq,
        pos=after.seq,
        category=by.category,
        shows=by.id,
        version=by.version,
        collapsed=item.state.collapsed + 1,
        actors=newest_actors(by.actors, item.state.actors or b"[]"),
    )
    changed = replace(item, state=state)
    return Record(item.stream, after.seq, by.id, "updated", at, after, version=by.version, item=changed, open=True)


def follow(place: Place, item: StoredItem, news: News, at: int) -> Record | None:
    """The entry after ``place`` that makes ``item`` agree with ``news``; ``None`` if it does, or shows another."""
    if not item.is_there or item.state.shows != news.id:
        return None
    if news.is_over:
        return _removed(place, item, news, at)
    if item.state.version < news.version:
        return _updated(place, item, news, at)
    return None


def _removed(place: Place, item: StoredItem, news: News, at: int) -> Record:
    lost = weight(item.marks)
    after = place.next(Counts(place.unread - lost.unread, place.unseen - lost.unseen))
    ids, reason = (item.id,), news.state
    return Record(item.stream, after.seq, f"{news.id}!", "removed", at, after, ids=ids, reason=reason, open=True)


def _updated(place: Place, item: StoredItem, news: News, at: int) -> Record:
    after = place.next(place.counts)
    state = replace(item.state, entry=after.seq, seq=after.seq, version=news.version)
    n = f"{news.id}@{news.version}"
    return Record(item.stream, after.seq, n, "updated", at, after, item=replace(item, state=state), open=True)
