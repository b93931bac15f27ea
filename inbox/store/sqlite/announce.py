"""What a transaction wrote, to be told to whoever listens once it is durable."""

from collections.abc import Sequence

import orjson
from msgspec import Struct

from inbox.ids import item_id
from inbox.model import Counts, Entry, Item, Notification
from inbox.store.outlet import Outlet
from inbox.store.sqlite.streams import epoch_of


class Written(Struct, frozen=True):
    """One entry."""

    stream: str
    incarnation: int
    entry: Entry


class Births(Struct, frozen=True):
    """The ``created`` entries of one notification, not built yet: few of very many may be wanted.

    ``rows``: ``[stream key, incarnation, seq, unread, unseen]`` for each, as one JSON array.
    """

    notification: Notification
    at: int
    rows: str


News = Sequence[Written | Births]


def announce(outlet: Outlet, generation: str, news: News) -> None:
    for one in news:
        if isinstance(one, Births):
            _announce_births(outlet, generation, one)
        elif outlet.wants(one.stream):
            outlet.emit(one.stream, epoch_of(generation, one.incarnation), one.entry)


def _announce_births(outlet: Outlet, generation: str, births: Births) -> None:
    notification = births.notification
    for stream, incarnation, seq, unread, unseen in orjson.loads(births.rows):
        if outlet.wants(stream):
            item = Item(item_id(stream, notification.id), seq, notification)
            entry = Entry(seq, "created", births.at, Counts(unread, unseen), item)
            outlet.emit(stream, epoch_of(generation, incarnation), entry)
