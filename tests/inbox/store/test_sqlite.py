"""What only the SQLite store has: a file, a writer thread, and its own upkeep."""

import asyncio
import resource
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import pytest

from inbox.errors import ConfigError, Unavailable
from inbox.model import Mark, Process
from inbox.store.sqlite import SqliteStore, registry, schema, upkeep, writer
from inbox.times import now_ms
from tests.audit import audit
from tests.samples import Recorder, stream_of, submission
from tests.waiting import until

pytestmark = pytest.mark.anyio

ANNA = stream_of("anna")
DAY_MS = 86_400_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some" / "directory" / "bellwire.sqlite3"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path)
    await store.open()
    yield store
    await store.close()


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as another program sees it."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db:
        yield db


def days_from_now(days: float) -> int:
    return now_ms() + int(days * DAY_MS)


# The file


async def test_the_file_is_for_its_owner_alone(store: SqliteStore, path: Path) -> None:
    await store.publish(submission("anna"))
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_file_of_another_version_is_refused(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with raw(path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="expected schema version 1, found 99"):
        await SqliteStore(path).open()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bellwire.sqlite3"
    await anyio.Path(path).write_bytes(b"something else entirely" * 100)
    with pytest.raises(ConfigError, match="not a database"):
        await SqliteStore(path).open()


async def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot open"):
        await SqliteStore(tmp_path / "file" / "bellwire.sqlite3").open()


async def test_two_processes_may_create_the_file_at_once(path: Path) -> None:
    stores = [SqliteStore(path) for _ in range(4)]
    await asyncio.gather(*(store.open() for store in stores))
    assert len({(await store.heads([ANNA]))[0].epoch for store in stores}) == 1
    for store in stores:
        await store.close()


async def test_a_read_creates_no_stream(store: SqliteStore, path: Path) -> None:
    await store.heads([ANNA])
    await store.page(ANNA, limit=25)
    await store.mark(ANNA, Mark("read", upto=5))
    await store.ack({ANNA: 5})
    with raw(path) as db:
        assert db.execute("SELECT count(*) FROM stream").fetchone() == (0,)


# The writer


async def test_a_write_that_fails_takes_no_other_with_it(store: SqliteStore) -> None:
    bad = submission("anna")
    await store.publish(bad)
    results = await asyncio.gather(
        *(store.publish(one) for one in (submission("anna"), bad, submission("anna"))), return_exceptions=True
    )
    assert [isinstance(result, sqlite3.IntegrityError) for result in results] == [False, True, False]
    assert (await audit(store, ANNA)).head.seq == 3


async def test_a_write_beyond_the_queue_is_refused(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE_MAX", 3)
    with raw(path) as db:
        db.execute("BEGIN IMMEDIATE")
        waiting = [asyncio.create_task(store.publish(submission("anna"))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="too many writes"):
            await store.publish(submission("anna"))
        db.execute("ROLLBACK")
    await asyncio.gather(*waiting)
    assert (await audit(store, ANNA)).head.seq == 3


async def test_while_another_process_holds_the_file_writes_are_unavailable_and_reads_are_not(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_TIMEOUT_S", 0.05)
    store = SqliteStore(path)
    await store.open()
    with raw(path) as db:
        db.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(*(store.publish(submission("anna")) for _ in range(5)), return_exceptions=True)
        assert [type(result) for result in results] == [Unavailable] * 5
        assert (await audit(store, ANNA)).head.seq == 0
    await store.publish(submission("anna"))
    assert (await audit(store, ANNA)).head.seq == 1
    await store.close()


async def test_a_disk_that_refuses_is_unavailable_and_leaves_nothing_half_written(
    store: SqliteStore, path: Path
) -> None:
    await store.publish(submission("anna"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    wal = path.with_name(f"{path.name}-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 8_192, hard))
    try:
        with pytest.raises(Unavailable):
            await store.publish(submission("anna", *(f"user-{i}" for i in range(999))))
        assert (await audit(store, ANNA)).head.seq == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await store.publish(submission("anna", "user-7"))
    assert (await audit(store, ANNA)).head.seq == 2
    assert (await audit(store, stream_of("user-7"))).head.seq == 1


async def test_closing_finishes_what_was_accepted(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    writes = [asyncio.create_task(store.publish(submission("anna"))) for _ in range(20)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*writes)
    with pytest.raises(Unavailable, match="closing"):
        await store.publish(submission("anna"))
    again = SqliteStore(path)
    await again.open()
    assert (await audit(again, ANNA)).head.seq == 20
    await again.close()


async def test_a_write_is_announced_though_its_caller_has_gone(store: SqliteStore) -> None:
    store.outlet = recorder = Recorder()
    tasks = [asyncio.create_task(store.publish(submission("anna"))) for _ in range(8)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await until(lambda: len(recorder.entries[ANNA]) == 8)
    assert (await audit(store, ANNA)).log == recorder.entries[ANNA]
    await asyncio.gather(*tasks, return_exceptions=True)


# Upkeep


async def test_an_idempotency_key_is_kept_for_a_day(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await store.publish(submission("anna", key="k"))
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(0.99))
    await store.trim(10, 0.0)
    assert await store.publish(submission("anna", key="k")) == first
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(1.01))
    await store.trim(10, 0.0)
    assert await store.publish(submission("anna", key="k")) != first


@pytest.mark.parametrize(("keep_s", "early", "late"), [(60.0, 0.99, 1.01), (86_400.0, 1.99, 3.0)])
async def test_a_tombstone_is_kept_twice_as_long_as_the_log_and_a_day(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch, keep_s: float, early: float, late: float
) -> None:
    for _ in range(3):
        await store.publish(submission("anna"))
    await store.mark(ANNA, Mark("remove", upto=1))
    assert await tombstones(store, path, monkeypatch, keep_s, early) == 1
    assert await tombstones(store, path, monkeypatch, keep_s, late) == 0


async def tombstones(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch, keep_s: float, days: float
) -> int:
    """How many tombstones are left after trimming in ``days``."""
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(days))
    await store.trim(1, keep_s)
    with raw(path) as db:
        (count,) = db.execute("SELECT count(*) FROM entry WHERE removed_at IS NOT NULL").fetchone()
    return int(count)


async def test_a_long_log_is_trimmed_in_bounded_rounds(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.outlet = recorder = Recorder()
    await asyncio.gather(*(store.publish(submission("anna")) for _ in range(2_500)))
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(1))
    monkeypatch.setattr(upkeep, "ENTRIES_MAX", 1_000)
    assert [await store.trim(100, 60.0) for _ in range(4)] == [1_000, 1_000, 400, 0]
    assert len((await audit(store, ANNA, recorder.entries[ANNA])).items) == 2_500


async def test_entries_that_age_later_are_trimmed_later(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        await store.publish(submission("anna"))
    assert await store.trim(1, 3_600.0) == 0
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(1))
    assert await store.trim(3, 3_600.0) == 2
    assert await store.trim(1, 3_600.0) == 0, "the newest three were just looked at"
    monkeypatch.setattr(upkeep, "now_ms", lambda: days_from_now(1.1))
    assert await store.trim(1, 3_600.0) == 2


async def test_a_process_that_stopped_beating_is_not_listed(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.beat(Process("p1", "serve", "host", now_ms(), now_ms(), 1))
    monkeypatch.setattr(registry, "now_ms", lambda: days_from_now(0.1))
    assert await store.processes() == []
