"""Bringing sessions up to date from the store: welcomes, resumes and repairs, many streams in one read."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence

import structlog

from gateway.http.paging import next_json
from gateway.live.codes import CloseCode
from gateway.live.held_stream import HeldStream, Member
from gateway.live.log_page import Entries, LogPage
from gateway.live.statistics import Tally
from gateway.live.tasks import Tasks
from gateway.live.wire import text_frame
from gateway.settings import Limits
from inbox.encode import array, item_json
from inbox.errors import Unavailable
from inbox.model import Cursor, Head, Page
from inbox.store.base import CATCH_UP_MAX, Store

log = structlog.get_logger()

_FIRST = 16
"""One part in so many of what is read of a stream at most is read first: it tells how large the entries are."""
_PORTION = 2
_PORTION_S = 0.00025
"""Streams, and time, then the loop gets its turn: those who are live must not wait for those who come. What is given
in it is still to be written, which takes longer."""
_PAGES = 4


class Round:
    """Everybody who waits for one stream when it begins: served by the same read of the log, and the same page of
    items if anybody has to start over. Who comes meanwhile, or is still short, takes part in the next one.
    """

    def __init__(self, held: HeldStream, keep_frames: int) -> None:
        self.held = held
        self.wanted = held.begin_round(keep_frames)
        self.cursors = sorted({c for c in self.wanted.values() if c is not None}, key=lambda cursor: cursor.seq)
        self.log: LogPage | None = None

    def resuming(self) -> dict[Member, Cursor]:
        """Those for whom the log goes on."""
        if self.log is None:
            return {}
        return {member: cursor for member, cursor in self.wanted.items() if cursor and self.log.reaches(cursor)}

    def fresh(self) -> list[Member]:
        """Those who have to start over, and can."""
        resuming = self.resuming()
        return [member for member in self.wanted if member not in resuming and not member.is_welcomed]


class CatchUp:
    """Reads for all streams that wait at the same time, in a bounded number of reads at once."""

    def __init__(self, store: Store, limits: Limits, tally: Tally) -> None:
        self._store = store
        self._limits = limits
        self._tally = tally
        self._first = max(1, limits.changes_entries // _FIRST)
        self._due: deque[HeldStream] = deque()
        self._readers = 0
        self._begins = False
        self._turn = asyncio.Lock()
        self._tasks = Tasks()

    def wake(self, held: HeldStream) -> None:
        """Somebody waits for ``held``."""
        self._due.append(held)
        if not self._begins and self._readers < self._limits.reads_at_once:
            self._begins = True
            self._readers += 1
            self._tasks.begin(self._run())

    async def close(self) -> None:
        await self._tasks.close()

    async def _run(self) -> None:
        """Read until nobody waits."""
        self._begins = False
        try:
            while self._due:
                batch = [self._due.popleft() for _ in range(min(CATCH_UP_MAX, len(self._due)))]
                await self._read([Round(held, self._limits.reassembly_frames) for held in batch])
        finally:
            self._readers -= 1

    async def _read(self, rounds: Sequence[Round]) -> None:
        try:
            await self._read_logs([each for each in rounds if each.cursors])
        except Exception as failure:
            for each in rounds:
                self._failed(each, failure)
            return
        starting = [each for each in rounds if each.fresh()]
        waiting = deque(each for each in rounds if each not in starting)
        while waiting:
            async with self._turn:
                until = time.perf_counter() + _PORTION_S
                for _ in range(min(_PORTION, len(waiting))):
                    self._serve(waiting.popleft(), None)
                    if time.perf_counter() > until:
                        break
                # Whatever readers there are, one portion in a turn of the loop.
                await asyncio.sleep(0)
        for start in range(0, len(starting), _PAGES):
            await self._serve_pages(starting[start : start + _PAGES])

    async def _read_logs(self, rounds: Sequence[Round]) -> None:
        """What each stream's log holds after the lowest cursor from which it goes on."""
        left = rounds
        while left:
            wanted = [(each.held.key, each.cursors.pop(0)) for each in left]
            found = await self._store.catch_up(wanted, self._first)
            for each, (stream, cursor), changes in zip(left, wanted, found, strict=True):
                if changes is not None:
                    each.log = LogPage(stream, cursor.seq, changes)
            left = [each for each in left if each.log is None and each.cursors]
        await self._read_further([each.log for each in rounds if each.log is not None])

    async def _read_further(self, pages: Iterable[LogPage]) -> None:
        """As much more of the long logs as a client takes at once: to give it 13 large entries, 500 are not read."""
        most, room_bytes = self._limits.changes_entries, self._limits.write_soft_bytes
        short = [(page, lacks) for page in pages if (lacks := page.lacks(most, room_bytes)) >= self._first]
        if not short:
            return
        limit = min(self._limits.catch_up_entries // len(short), *(lacks for _, lacks in short))
        found = await self._store.catch_up([page.end() for page, _ in short], limit)
        for (page, _), more in zip(short, found, strict=True):
            if more is not None:
                page.extend(more)

    async def _serve_pages(self, rounds: Sequence[Round]) -> None:
        """Those of which somebody starts over. Only giving takes a turn: nobody waits for another's slow page."""
        reads = (self._store.page(each.held.key, limit=self._limits.snapshot_items) for each in rounds)
        pages = await asyncio.gather(*reads, return_exceptions=True)
        async with self._turn:
            for each, page in zip(rounds, pages, strict=True):
                if isinstance(page, Exception):
                    self._failed(each, page)
                elif not isinstance(page, BaseException):
                    self._serve(each, page)
            await asyncio.sleep(0)

    def _serve(self, round: Round, page: Page | None) -> None:
        try:
            self._give(round, page)
            round.held.end_round()
        except Exception as failure:
            self._failed(round, failure)

    def _give(self, round: Round, page: Page | None) -> None:
        resuming, fresh = round.resuming(), round.fresh()
        for member in round.wanted.keys() - resuming.keys() - set(fresh):
            member.close(CloseCode.STREAM_RESET, "the log no longer reaches back")
        if round.log is not None:
            self._resume(round.held, resuming, round.log)
        if page is not None:
            self._start_over(round.held, fresh, page)

    def _resume(self, held: HeldStream, resuming: dict[Member, Cursor], log_page: LogPage) -> None:
        head, entries = log_page.changes.head, log_page.encoded()
        held.stand(head)
        for member, cursor in resuming.items():
            if member not in held.members:
                continue
            run = self._run_of(held, cursor.seq, entries)
            if not member.is_welcomed:
                run = self._welcome(member, cursor.seq, head, run)
            self._pour(held, member, run, head)

    def _welcome(self, member: Member, seq: int, head: Head, run: Entries) -> Entries:
        """Say welcome with the first of ``run``; the rest."""
        count = self._fitting(run, head)
        first, rest = run[:count], run[count:]
        welcome = member.greeting().resumed(head, [payload for _, payload in first])
        member.greet(first[-1][0] if first else seq, welcome)
        self._tally.resumed += 1
        self._tally.entries_sent += count
        return rest

    def _fitting(self, run: Entries, head: Head) -> int:
        """How many of ``run`` go into the welcome: none beyond the head that it names."""
        count = size = 0
        for seq, payload in run[: self._limits.welcome_entries]:
            size += len(payload)
            if seq > head.seq or size > self._limits.welcome_bytes:
                break
            count += 1
        return count

    def _start_over(self, held: HeldStream, fresh: Iterable[Member], page: Page) -> None:
        held.stand(page.head)
        items = array([item_json(item) for item in page.items])
        next = next_json(held.key, page.next)
        for member in fresh:
            if member in held.members:
                member.greet(page.head.seq, member.greeting().snapshot(page.head, items, next))
                self._tally.snapshots += 1
                self._pour(held, member, self._run_of(held, page.head.seq, ()), page.head)

    def _run_of(self, held: HeldStream, after: int, entries: Iterable[tuple[int, bytes]]) -> Entries:
        return [] if held.kept is None else held.kept.run(after, entries)

    def _pour(self, held: HeldStream, member: Member, run: Entries, head: Head) -> None:
        """Give ``member`` of ``run`` what it takes now; for the rest it will be read for again."""
        for seq, payload in run:
            if member.is_full():
                break
            member.give(seq, text_frame(payload))
        held.settle(member, head.seq)

    def _failed(self, round: Round, failure: Exception) -> None:
        """Sessions that are live stay: the next entry, or the head check, has them read for again."""
        self._tally.read_failures += 1
        if not isinstance(failure, Unavailable):
            log.error("stream_not_read", exc_info=failure)
        for member in round.wanted:
            if member.is_welcomed:
                member.reading = False
            elif member in round.held.members:
                member.dismiss(CloseCode.CANNOT_VERIFY, "the inbox cannot be read now")
        round.held.end_round()
