"""What time takes away from a SQLite store."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from inbox.model import Mark
from inbox.registered import Process
from inbox.store.sqlite import SqliteStore, publish, registry, upkeep
from inbox.times import now_ms
from tests.audit import audit, log_begin
from tests.samples import Recorder, stream_of, submission

pytestmark = pytest.mark.anyio

ANNA = stream_of("anna")
DAY_MS = 86_400_000


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as another program sees it."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db:
        yield db


def days_from_now(days: float) -> int:
    return now_ms() + int(days * DAY_MS)


async def test_an_idempotency_key_is_kept_for_a_day(sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await sqlite_store.publish(submission("anna", key="k"))
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(0.99))
    await sqlite_store.trim(10, 0.0)
    assert await sqlite_store.publish(submission("anna", key="k")) == first
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(1.01))
    await sqlite_store.trim(10, 0.0)
    assert await sqlite_store.publish(submission("anna", key="k")) != first


async def test_keys_of_what_is_on_its_way_hold_up_no_others(
    sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = [submission("anna", key=f"later {n}", send_at=days_from_now(9)) for n in range(4)]
    first = [await sqlite_store.publish(one) for one in waiting]
    done = await sqlite_store.publish(submission("anna", key="now"))
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(1.01))
    monkeypatch.setattr(upkeep, "ENTRIES_MAX", 2)
    for _ in range(3):
        await sqlite_store.trim(10, 60.0)
    assert await sqlite_store.publish(submission("anna", key="now")) != done
    assert [await sqlite_store.publish(one) for one in waiting] == first


async def test_a_key_that_was_needed_for_longer_is_forgotten_within_the_hour(
    sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = submission("anna", key="k", send_at=days_from_now(9))
    first = await sqlite_store.publish(waiting)
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(2))
    await sqlite_store.trim(10, 60.0)
    await sqlite_store.cancel(waiting.notification.tenant, first.id)
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(2.05))
    await sqlite_store.trim(10, 60.0)
    assert await sqlite_store.publish(submission("anna", key="k")) != first


@pytest.mark.parametrize(("keep_s", "early", "late"), [(60.0, 0.99, 1.01), (86_400.0, 1.99, 3.0)])
async def test_a_tombstone_is_kept_twice_as_long_as_the_log_and_a_day(
    sqlite_store: SqliteStore,
    sqlite_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keep_s: float,
    early: float,
    late: float,
) -> None:
    for _ in range(3):
        await sqlite_store.publish(submission("anna"))
    await sqlite_store.mark(ANNA, Mark("remove", upto=1))
    assert await tombstones(sqlite_store, sqlite_path, monkeypatch, keep_s, early) == 1
    assert await tombstones(sqlite_store, sqlite_path, monkeypatch, keep_s, late) == 0


async def tombstones(
    sqlite_store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch, keep_s: float, days: float
) -> int:
    """How many tombstones are left after trimming in ``days``."""
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(days))
    await sqlite_store.trim(1, keep_s)
    with raw(path) as db:
        (count,) = db.execute("SELECT count(*) FROM entry WHERE removed_at IS NOT NULL").fetchone()
    return int(count)


async def test_a_long_log_is_trimmed_in_bounded_rounds(
    sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_store.outlet = recorder = Recorder()
    await asyncio.gather(*(sqlite_store.publish(submission("anna")) for _ in range(2_500)))
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(1))
    monkeypatch.setattr(upkeep, "ENTRIES_MAX", 1_000)
    assert [await sqlite_store.trim(100, 60.0) for _ in range(4)] == [1_000, 1_000, 400, 0]
    assert len((await audit(sqlite_store, ANNA, recorder.entries[ANNA])).items) == 2_500


async def test_trimming_stops_before_the_first_young_entry(
    sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_store.outlet = recorder = Recorder()
    for days in (-3, -2, 0, 0, 0):
        monkeypatch.setattr(publish, "now_ms", lambda days=days: days_from_now(days))
        await sqlite_store.publish(submission("anna"))
    assert await sqlite_store.trim(1, 86_400.0) == 2
    found = await audit(sqlite_store, ANNA, recorder.entries[ANNA])
    assert await log_begin(sqlite_store, ANNA, found.head) == 2


async def test_entries_that_age_later_are_trimmed_later(
    sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        await sqlite_store.publish(submission("anna"))
    assert await sqlite_store.trim(1, 3_600.0) == 0
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(1))
    assert await sqlite_store.trim(3, 3_600.0) == 2
    assert await sqlite_store.trim(1, 3_600.0) == 0, "the newest three were just looked at"
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(1.1))
    assert await sqlite_store.trim(1, 3_600.0) == 2


async def test_an_item_that_is_taken_over_leaves_no_row_where_the_log_was_trimmed(
    sqlite_store: SqliteStore, sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for collapse_key in ("likes", "comments"):
        await sqlite_store.publish(submission("anna", collapse_key=collapse_key))
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(1))
    assert await sqlite_store.trim(1, 60.0) == 1
    await sqlite_store.publish(submission("anna", collapse_key="likes"))
    with raw(sqlite_path) as db:
        rows = db.execute("SELECT seq, item IS NULL FROM entry ORDER BY seq").fetchall()
    assert rows == [(2, 0), (3, 0)]


async def test_a_process_that_stopped_beating_is_not_listed(
    sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sqlite_store.beat(Process("p1", "serve", "host", now_ms(), now_ms(), 1))
    monkeypatch.setattr(registry, "now_ms", lambda: days_from_now(0.1))
    assert await sqlite_store.processes() == []
