"""A mark: which items really change, one entry for them, and the items afterwards."""

from collections.abc import Awaitable

from msgspec import Struct

from inbox.ids import new_token
from inbox.model import MARK_KINDS, Counts, Mark, Marked
from inbox.store.mongo.closing import Closer
from inbox.store.mongo.database import Database
from inbox.store.mongo.heads import Heads
from inbox.store.mongo.items import Items, inbox_of, keys_named
from inbox.store.mongo.log import Log
from inbox.store.mongo.records import Place, Record, StoredItem
from inbox.store.mongo.shapes import weigh
from inbox.store.mongo.views import Views
from inbox.stream import MARK_IDS_MAX, clamp_upto, mark_all
from inbox.times import now_ms


def new_writer() -> str:
    """A name for one mark. Beginning with ``#``, it is never a notification's."""
    return f"#{new_token(24)}"


class Plan(Struct, frozen=True):
    """What a mark would change in the items as they stand: ``changed``, or where those are too many, all to ``upto``.

    ``counts`` are the stream's afterwards.
    """

    counts: Counts
    changed: list[StoredItem]
    upto: int | None = None
    missing: tuple[str, ...] = ()


class Marks:
    def __init__(self, database: Database, log: Log, heads: Heads, items: Items, views: Views, closer: Closer) -> None:
        self._db = database
        self._log = log
        self._heads = heads
        self._items = items
        self._views = views
        self._closer = closer

    async def mark(self, stream: str, wish: Mark, n: str) -> Marked:
        """
        :param n: names this mark, the same whenever it is tried again.
        :raises StreamReset: ``wish.epoch`` names another incarnation.
        """
        standing = (await self._heads.fresh([stream]))[stream]
        while True:
            place = (await self._views.settle({stream: standing.place}))[stream]
            at = now_ms()
            plan = await self._plan(stream, wish, place, at)
            if plan.upto is None and not plan.changed:
                return await self._first_answer(stream, n, plan) or self._answer(place, plan)
            record = _record(stream, place, wish, plan, n, at)
            if await self._log.append([record], standing.since_s):
                await self._closer.finish([record], self._making_items(record, wish, plan))
                return self._answer(record.place, plan)
            if answer := await self._first_answer(stream, n, plan):
                return answer
            standing = (await self._heads.overtaken([record]))[stream]

    async def _plan(self, stream: str, wish: Mark, place: Place, at: int) -> Plan:
        upto = clamp_upto(wish.upto or 0, wish.epoch, self._db.head(place))
        missing: tuple[str, ...] = ()
        inbox = inbox_of(stream, place)
        if wish.ids is not None:
            items = await self._items.there(keys_named(stream, place, wish.ids))
            known = {item.id for item in items}
            missing = tuple(id for id in dict.fromkeys(wish.ids) if id not in known)
        else:
            shapes = await self._items.count_changing(inbox, upto, wish.op)
            if sum(shapes.values()) > MARK_IDS_MAX:
                return Plan(weigh(wish.op, shapes, place.counts), [], upto)
            items = await self._items.changing(inbox, upto, wish.op)
        by_id = {item.id: item for item in items}
        changed, counts = mark_all(wish.op, [item.marks for item in items], place.counts, at)
        return Plan(counts, [by_id[marks.id].marked(place.seq + 1, marks) for marks in changed], missing=missing)

    def _making_items(self, record: Record, wish: Mark, plan: Plan) -> Awaitable[None]:
        if plan.upto is not None:
            inbox = inbox_of(record.stream, record.place)
            return self._items.mark_upto(inbox, record.seq, plan.upto, wish.op, record.at)
        return self._items.write(plan.changed)

    async def _first_answer(self, stream: str, n: str, plan: Plan) -> Marked | None:
        """The answer to an earlier try of the same mark, whose entry came to be although its writer saw an error."""
        written = await self._log.by_writer([stream], n)
        real = await self._closer.finish_found(written)
        if not real:
            return None
        return Marked(self._db.head(real[0].place), real[0].ids, plan.missing, real[0].upto)

    def _answer(self, place: Place, plan: Plan) -> Marked:
        changed = None if plan.upto is not None else tuple(item.id for item in plan.changed)
        return Marked(self._db.head(place), changed, plan.missing, plan.upto)


def _record(stream: str, place: Place, wish: Mark, plan: Plan, n: str, at: int) -> Record:
    """The entry after ``place``."""
    return Record(
        stream,
        place.seq + 1,
        n,
        MARK_KINDS[wish.op],
        at,
        place.next(plan.counts),
        ids=None if plan.upto is not None else tuple(item.id for item in plan.changed),
        upto=plan.upto,
        reason="user" if wish.op == "remove" else None,
        open=True,
    )
