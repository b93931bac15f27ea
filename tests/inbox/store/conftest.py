"""Stores for the tests of what only one kind has."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from inbox.store.sqlite import SqliteStore
from tests.servers.mongo import MongoServer


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    return tmp_path / "some" / "directory" / "bellwire.sqlite3"


@pytest.fixture
async def sqlite_store(sqlite_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(sqlite_path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    server = MongoServer(tmp_path_factory.mktemp("mongo"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def impatient_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found open once is finished the next time."""
    monkeypatch.setattr("inbox.store.mongo.sweep.OPEN_S", 0.0)
