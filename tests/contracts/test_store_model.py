"""Random interleavings of writers, readers and trimming over two stores on one database, judged by a plain model."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbox.errors import Conflict, StreamReset
from inbox.ids import item_id, new_token
from inbox.model import MARK_KINDS, Changes, Entry, Item, Mark, Marked, MarkOp, Page
from inbox.store.base import Store
from tests.audit import Replay, audit, plain, replay
from tests.contracts.filling import make_topic, work_off
from tests.samples import TENANT, Recorder, retitled, stream_of, submission

pytestmark = pytest.mark.anyio

USERS = ("anna", "ben", "carl")
OPS: tuple[MarkOp, ...] = get_args(MarkOp)

users = st.sampled_from(USERS)
collapse_keys = st.sampled_from((None, None, "likes"))
step = st.one_of(
    st.tuples(st.just("publish"), st.sets(users, min_size=1), st.one_of(st.none(), st.integers(0, 2)), collapse_keys),
    st.tuples(st.just("publish_topic"), collapse_keys),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("amend"), st.integers(0, 9)),
    st.tuples(st.just("work")),
    st.tuples(st.just("mark_ids"), users, st.sampled_from(OPS), st.sets(st.integers(0, 9), min_size=1)),
    st.tuples(st.just("mark_upto"), users, st.sampled_from(OPS), st.integers(0, 30)),
    st.tuples(st.just("page"), users),
    st.tuples(st.just("changes"), users, st.integers(0, 20)),
    st.tuples(st.just("trim"), st.integers(1, 8)),
)
writers = st.lists(st.lists(step, max_size=8), min_size=2, max_size=5)
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@dataclass
class Run:
    """One interleaving: what was asked of the stores, and what they answered."""

    stores: list[Store]
    recorder: Recorder
    suffix: str = field(default_factory=new_token)
    published: dict[str, set[str]] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    amended: int = 0
    keys: dict[str, str] = field(default_factory=dict)
    marked: list[tuple[str, Mark, Marked]] = field(default_factory=list)
    pages: list[tuple[str, Page]] = field(default_factory=list)
    changes: list[tuple[str, int, Changes]] = field(default_factory=list)
    trimmed: bool = False

    def stream(self, user: str) -> str:
        return stream_of(f"{user}-{self.suffix}")

    def log(self, user: str) -> list[Entry]:
        """What was announced of a stream, each number once."""
        entries = {entry.seq: entry for entry in self.recorder.entries[self.stream(user)]}
        return [entries[seq] for seq in sorted(entries)]

    async def writer(self, store: Store, steps: list[tuple[object, ...]]) -> None:
        for name, *arguments in steps:
            await getattr(self, f"do_{name}")(store, *arguments)

    async def begin(self) -> None:
        await make_topic(self.stores[0], self.suffix, *(f"{user}-{self.suffix}" for user in USERS))

    async def do_publish(self, store: Store, to: set[str], key: int | None, collapse_key: str | None) -> None:
        name = None if key is None else f"{key}-{'-'.join(sorted(to))}-{self.suffix}"
        users = (f"{user}-{self.suffix}" for user in sorted(to))
        receipt = await store.publish(submission(*users, key=name, collapse_key=collapse_key, actor=new_token(4)))
        assert name is None or self.keys.setdefault(name, receipt.id) == receipt.id
        self.published[receipt.id] = to

    async def do_publish_topic(self, store: Store, collapse_key: str | None) -> None:
        made = submission(topic=self.suffix, collapse_key=collapse_key, actor=new_token(4))
        self.published[(await store.publish(made)).id] = set(USERS)

    async def do_cancel(self, store: Store, place: int) -> None:
        if place < len(self.published):
            id = list(self.published)[place]
            self.cancelled.add(id)
            await store.cancel(TENANT, id)

    async def do_amend(self, store: Store, place: int) -> None:
        if place < len(self.published):
            self.amended += 1
            with suppress(Conflict):
                await store.amend(TENANT, list(self.published)[place], retitled(f"v{self.amended}"))

    async def do_work(self, store: Store) -> None:
        await store.work()

    async def do_mark_ids(self, store: Store, user: str, op: MarkOp, places: set[int]) -> None:
        made = list(self.published)
        ids = [item_id(self.stream(user), made[place]) for place in places if place < len(made)]
        await self.mark(store, user, Mark(op, ids=(*ids, "nonsense")))

    async def do_mark_upto(self, store: Store, user: str, op: MarkOp, upto: int) -> None:
        await self.mark(store, user, Mark(op, upto=upto))

    async def mark(self, store: Store, user: str, mark: Mark) -> None:
        self.marked.append((user, mark, await store.mark(self.stream(user), mark)))

    async def do_page(self, store: Store, user: str) -> None:
        self.pages.append((user, await store.page(self.stream(user), limit=100, status="all")))

    async def do_changes(self, store: Store, user: str, since: int) -> None:
        (head,) = await store.heads([self.stream(user)])
        since = min(since, head.seq)
        try:
            self.changes.append((user, since, await store.changes(self.stream(user), since, head.epoch, 5)))
        except StreamReset:
            assert self.trimmed

    async def do_trim(self, store: Store, keep_entries: int) -> None:
        self.trimmed = True
        await store.trim(keep_entries, 0.0)


async def judge(run: Run) -> None:
    for user in USERS:
        for store in run.stores:
            found = await audit(store, run.stream(user), run.log(user))
        told = replay(run.log(user), run.stream(user))
        due = {id for id, to in run.published.items() if user in to}
        assert due - run.cancelled <= set(told.notifications) <= due
        for item in found.items:
            newest = await run.stores[0].progress(TENANT, item.notification.id)
            assert newest is not None
            assert item.notification == newest.notification
            assert item.notification.id not in run.cancelled
    for user, mark, marked in run.marked:
        judge_mark(run.log(user), mark, marked)
    for user, page in run.pages:
        judge_page(run.log(user), page)
    for user, since, changes in run.changes:
        assert list(changes.entries) == run.log(user)[since : since + len(changes.entries)]
        assert changes.more == (since + len(changes.entries) < changes.head.seq)


def judge_mark(log: list[Entry], mark: Mark, marked: Marked) -> None:
    """The answer to a mark is its entry in the log."""
    if marked.changed:
        entry = log[marked.head.seq - 1]
        assert (entry.kind, entry.ids, entry.counts) == (MARK_KINDS[mark.op], marked.changed, marked.head.counts)


def judge_page(log: list[Entry], page: Page) -> None:
    """A page holds what stood at its head, or what became of it since, and nothing else."""
    moments = list(replays(log))[page.head.seq :]
    shown = {item.id: plain(item) for item in page.items}
    for id, item in shown.items():
        assert any(moment.get(id) == item for moment in moments)
    for id in moments[0].keys() & moments[-1].keys():
        assert id in shown, f"the page claims {page.head.seq} and lacks {id}"


def replays(log: list[Entry]) -> Iterator[dict[str, Item]]:
    """The items after each entry, and before the first."""
    told = Replay()
    yield {}
    for entry in log:
        told.apply(entry)
        yield dict(told.items)


async def interleave(new_store: Callable[[], Store], plans: list[list[tuple[object, ...]]]) -> None:
    async with AsyncExitStack() as stack:
        run = Run([new_store(), new_store()], Recorder())
        for store in run.stores:
            await store.open()
            stack.push_async_callback(store.close)
            store.outlet = run.recorder
        await run.begin()
        await asyncio.gather(*(run.writer(run.stores[i % 2], plan) for i, plan in enumerate(plans)))
        for store in run.stores:
            await work_off(store)
        await judge(run)


@pytest.mark.parametrize("new_store", ["sqlite"], indirect=True)
@settings(unhurried, max_examples=60)
@given(plans=writers)
async def test_sqlite_is_exact_under_any_interleaving(
    new_store: Callable[[], Store], plans: list[list[tuple[object, ...]]]
) -> None:
    await interleave(new_store, plans)


@pytest.mark.parametrize("new_store", ["mongo"], indirect=True)
@settings(unhurried, max_examples=10)
@given(plans=writers)
async def test_mongo_is_exact_under_any_interleaving(
    new_store: Callable[[], Store], plans: list[list[tuple[object, ...]]]
) -> None:
    await interleave(new_store, plans)
