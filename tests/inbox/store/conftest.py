"""SQLite stores for the tests of what only they have."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inbox.store.sqlite import SqliteStore


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    return tmp_path / "some" / "directory" / "bellwire.sqlite3"


@pytest.fixture
async def sqlite_store(sqlite_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(sqlite_path)
    await store.open()
    yield store
    await store.close()
