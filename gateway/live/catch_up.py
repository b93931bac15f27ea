"""Bringing sessions up to date from the store: welcomes, resumes and repairs. One reader a stream at a time."""

import asyncio
from collections.abc import Collection, Iterable

import structlog
from msgspec import Struct

from gateway.http.paging import next_json
from gateway.live.codes import CloseCode
from gateway.live.held_stream import HeldStream, Member
from gateway.live.statistics import Tally
from gateway.live.wire import text_frame
from gateway.settings import Limits
from inbox.encode import array, entry_json, item_json
from inbox.errors import StreamReset, Unavailable
from inbox.model import Cursor, Head, Page
from inbox.store.base import Store
from inbox.stream import is_reset

log = structlog.get_logger()

Entries = list[tuple[int, bytes]]


class LogPage(Struct, frozen=True):
    """What the log holds after ``since``, encoded."""

    since: int
    head: Head
    entries: Entries

    def reaches(self, cursor: Cursor) -> bool:
        """Whether a reader that stands at ``cursor`` can go on with it."""
        return cursor.seq >= self.since and not is_reset(cursor, self.head)

    def reached(self, wanted: dict[Member, Cursor | None]) -> dict[Member, Cursor]:
        """Those who can."""
        return {member: cursor for member, cursor in wanted.items() if cursor is not None and self.reaches(cursor)}


class CatchUp:
    """Reads in rounds: everybody who waits when a round begins is served by the same read of the log, and the same
    page of items if anybody has to start over. Who comes meanwhile, or is still short, takes part in the next one.
    """

    def __init__(self, store: Store, limits: Limits, tally: Tally) -> None:
        self._store = store
        self._limits = limits
        self._tally = tally
        self._turns = asyncio.Semaphore(limits.streams_read_at_once)

    async def run(self, held: HeldStream) -> None:
        """Go on until nobody waits."""
        try:
            while held.waiting:
                async with self._turns:
                    await self._round(held)
                # A store that reads in place never awaits: let others run, and what was given be written.
                await asyncio.sleep(0)
        finally:
            held.is_read = False

    async def _round(self, held: HeldStream) -> None:
        wanted = held.begin_round(self._limits.reassembly_frames)
        try:
            log_page = await self._log_page(held.key, [cursor for cursor in wanted.values() if cursor is not None])
            resuming = {} if log_page is None else log_page.reached(wanted)
            fresh = [member for member in wanted if member not in resuming and not member.is_welcomed]
            page = await self._page(held.key) if fresh else None
        except Exception as failure:
            self._failed(held, wanted, failure)
        else:
            for member in wanted.keys() - resuming.keys() - set(fresh):
                member.close(CloseCode.STREAM_RESET, "the log no longer reaches back")
            if log_page is not None:
                self._resume(held, resuming, log_page)
            if page is not None:
                self._start_over(held, fresh, page)
        finally:
            held.kept = None

    async def _log_page(self, key: str, cursors: Collection[Cursor]) -> LogPage | None:
        """The entries after the lowest of ``cursors`` from which the log goes on; ``None``: it does from none."""
        for cursor in sorted(set(cursors), key=lambda cursor: cursor.seq):
            try:
                changes = await self._store.changes(key, cursor.seq, cursor.epoch, self._limits.changes_entries)
            except StreamReset:
                continue
            return LogPage(cursor.seq, changes.head, [(entry.seq, entry_json(entry)) for entry in changes.entries])
        return None

    async def _page(self, key: str) -> Page:
        return await self._store.page(key, limit=self._limits.snapshot_items)

    def _resume(self, held: HeldStream, resuming: dict[Member, Cursor], log_page: LogPage) -> None:
        held.stand(log_page.head)
        for member, cursor in resuming.items():
            if member not in held.members:
                continue
            run = self._run(held, cursor.seq, log_page.entries)
            if not member.is_welcomed:
                run = self._welcome(member, cursor.seq, log_page.head, run)
            self._pour(held, member, run, log_page.head)

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
                self._pour(held, member, self._run(held, page.head.seq, ()), page.head)

    def _run(self, held: HeldStream, after: int, entries: Iterable[tuple[int, bytes]]) -> Entries:
        return [] if held.kept is None else held.kept.run(after, entries)

    def _pour(self, held: HeldStream, member: Member, run: Entries, head: Head) -> None:
        """Give ``member`` of ``run`` what it takes now; for the rest it will be read for again."""
        for seq, payload in run:
            if member.is_full():
                break
            member.give(seq, text_frame(payload))
        held.settle(member, head.seq)

    def _failed(self, held: HeldStream, wanted: Iterable[Member], failure: Exception) -> None:
        """Sessions that are live stay: the next entry, or the head check, has them read for again."""
        self._tally.read_failures += 1
        if not isinstance(failure, Unavailable):
            log.error("stream_not_read", exc_info=failure)
        for member in wanted:
            if member.is_welcomed:
                member.reading = False
            elif member in held.members:
                member.dismiss(CloseCode.CANNOT_VERIFY, "the inbox cannot be read now")
