"""What only the SQLite store has: a file, a writer thread, and its own upkeep."""

import asyncio
import resource
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace

from inbox.errors import ConfigError, Unavailable
from inbox.model import Mark
from inbox.registered import Revocation
from inbox.store.sqlite import SqliteStore, file, publish, reads, streams, writer
from tests.audit import audit
from tests.samples import TENANT, Recorder, stream_of, submission
from tests.waiting import until
from tests.writers import sqlite_creator
from tests.writers.forked import barrier, forked

pytestmark = pytest.mark.anyio

ANNA = stream_of("anna")
DAY_MS = 86_400_000


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as another program sees it."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db:
        yield db


# The file


async def test_the_file_is_for_its_owner_alone(sqlite_store: SqliteStore, sqlite_path: Path) -> None:
    await sqlite_store.publish(submission("anna"))
    for each in sqlite_path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


async def test_a_file_of_another_version_is_refused(sqlite_path: Path) -> None:
    sqlite_path.parent.mkdir(parents=True)
    with raw(sqlite_path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="expected schema version 3, found 99"):
        await SqliteStore(sqlite_path).open()


async def test_a_file_of_version_2_gets_what_it_lacks_and_keeps_what_it_has(sqlite_path: Path) -> None:
    await _used(sqlite_path)
    with raw(sqlite_path) as db:
        db.execute("DROP TABLE revocation")
        db.execute("PRAGMA user_version = 2")
    store = SqliteStore(sqlite_path)
    await store.open()
    await store.revoke(Revocation(TENANT, "anna", 1))
    assert len(await store.revocations(0)) == 1
    assert (await store.heads([ANNA]))[0].seq == 1
    await store.close()


async def _used(path: Path) -> None:
    """A file with one notification in it."""
    store = SqliteStore(path)
    await store.open()
    await store.publish(submission("anna"))
    await store.close()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bellwire.sqlite3"
    await anyio.Path(path).write_bytes(b"something else entirely" * 100)
    with pytest.raises(ConfigError, match="not a database"):
        await SqliteStore(path).open()


async def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot open"):
        await SqliteStore(tmp_path / "file" / "bellwire.sqlite3").open()


async def test_processes_may_create_a_file_at_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}" / "bellwire.sqlite3" for n in range(40)]  # one in three was locked once
    together = barrier(4)
    creators = [await forked(sqlite_creator.main, paths, together) for _ in range(4)]
    assert [await creator.wait() for creator in creators] == [0] * 4
    assert [len([*path.parent.glob("*.epoch")]) for path in paths] == [1] * len(paths)


async def test_to_open_a_file_takes_no_lock_from_those_who_have_it_open(sqlite_path: Path) -> None:
    stores = [SqliteStore(sqlite_path) for _ in range(2)]
    for store in stores:
        await store.open()
    locks = await anyio.Path("/proc/locks").read_text()
    assert f":{(await anyio.Path(sqlite_path).stat()).st_ino} " in locks
    for store in stores:
        await store.close()


async def test_a_read_creates_no_stream(sqlite_store: SqliteStore, sqlite_path: Path) -> None:
    await sqlite_store.heads([ANNA])
    await sqlite_store.page(ANNA, limit=25)
    await sqlite_store.mark(ANNA, Mark("read", upto=5))
    await sqlite_store.ack({ANNA: 5})
    with raw(sqlite_path) as db:
        assert db.execute("SELECT count(*) FROM stream").fetchone() == (0,)


# The writer


async def test_a_write_that_fails_half_way_leaves_nothing_and_takes_no_other_with_it(
    sqlite_store: SqliteStore,
) -> None:
    bad = replace(submission("anna", key="k"), body_hash=None)
    results = await asyncio.gather(
        *(sqlite_store.publish(one) for one in (submission("anna"), bad, submission("anna"))), return_exceptions=True
    )
    assert [isinstance(result, sqlite3.IntegrityError) for result in results] == [False, True, False]
    assert await sqlite_store.progress(TENANT, bad.notification.id) is None
    assert (await audit(sqlite_store, ANNA)).head.seq == 2


async def test_a_write_beyond_the_queue_is_refused(
    sqlite_store: SqliteStore, sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE_MAX", 3)
    with raw(sqlite_path) as db:
        db.execute("BEGIN IMMEDIATE")
        waiting = [asyncio.create_task(sqlite_store.publish(submission("anna"))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="too many writes"):
            await sqlite_store.publish(submission("anna"))
        db.execute("ROLLBACK")
    await asyncio.gather(*waiting)
    assert (await audit(sqlite_store, ANNA)).head.seq == 3


async def test_while_another_process_holds_the_file_writes_are_unavailable_and_reads_are_not(
    sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "BUSY_TIMEOUT_S", 0.05)
    store = SqliteStore(sqlite_path)
    await store.open()
    with raw(sqlite_path) as db:
        db.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(*(store.publish(submission("anna")) for _ in range(5)), return_exceptions=True)
        assert [type(result) for result in results] == [Unavailable] * 5
        assert (await audit(store, ANNA)).head.seq == 0
    await store.publish(submission("anna"))
    assert (await audit(store, ANNA)).head.seq == 1
    await store.close()


async def test_a_disk_that_refuses_is_unavailable_and_leaves_nothing_half_written(
    sqlite_store: SqliteStore, sqlite_path: Path
) -> None:
    await sqlite_store.publish(submission("anna"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    wal = sqlite_path.with_name(f"{sqlite_path.name}-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 8_192, hard))
    try:
        with pytest.raises(Unavailable):
            await sqlite_store.publish(submission("anna", *(f"user-{i}" for i in range(999))))
        assert (await audit(sqlite_store, ANNA)).head.seq == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await sqlite_store.publish(submission("anna", "user-7"))
    assert (await audit(sqlite_store, ANNA)).head.seq == 2
    assert (await audit(sqlite_store, stream_of("user-7"))).head.seq == 1


async def test_closing_finishes_what_was_accepted(sqlite_path: Path) -> None:
    store = SqliteStore(sqlite_path)
    await store.open()
    writes = [asyncio.create_task(store.publish(submission("anna"))) for _ in range(20)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*writes)
    with pytest.raises(Unavailable, match="closing"):
        await store.publish(submission("anna"))
    again = SqliteStore(sqlite_path)
    await again.open()
    assert (await audit(again, ANNA)).head.seq == 20
    await again.close()


async def test_a_write_is_announced_though_its_caller_has_gone(sqlite_store: SqliteStore) -> None:
    sqlite_store.outlet = recorder = Recorder()
    tasks = [asyncio.create_task(sqlite_store.publish(submission("anna"))) for _ in range(8)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await until(lambda: len(recorder.entries[ANNA]) == 8)
    assert (await audit(sqlite_store, ANNA)).log == recorder.entries[ANNA]
    await asyncio.gather(*tasks, return_exceptions=True)


# Readers


@pytest.fixture
def overtaken(sqlite_store: SqliteStore, sqlite_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another process publishes to anna whenever a reader has just read her head."""
    with closing(file.create(sqlite_path)) as other:

        def find_late(db: sqlite3.Connection, generation: str, stream: str) -> streams.Found:
            found = streams.find(db, generation, stream)
            publish.publish(other, submission("anna"))
            return found

        monkeypatch.setattr(reads, "find", find_late)
        yield


@pytest.mark.usefixtures("overtaken")
async def test_a_page_stands_at_its_head_whatever_is_written_meanwhile(sqlite_store: SqliteStore) -> None:
    for n in range(3):
        page = await sqlite_store.page(ANNA, limit=25)
        assert [page.head.seq, len(page.items)] == [n, n]


@pytest.mark.usefixtures("overtaken")
async def test_changes_end_at_their_head_whatever_is_written_meanwhile(sqlite_store: SqliteStore) -> None:
    (head,) = await sqlite_store.heads([ANNA])
    for n in range(3):
        changes = await sqlite_store.changes(ANNA, 0, head.epoch, 25)
        assert [changes.head.seq, len(changes.entries)] == [n, n]
