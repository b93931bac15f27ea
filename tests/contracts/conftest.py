"""The stores that the contract suites run over."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from inbox.ids import new_token
from inbox.store.base import Store
from inbox.store.sqlite import SqliteStore


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    from tests.servers.mongo import MongoServer

    server = MongoServer(tmp_path_factory.mktemp("mongo"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "mongo"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Makes stores, not yet open, that share one database, as several processes would."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "data" / "bellwire.sqlite3")
    from inbox.store.mongo import MongoStore

    server = request.getfixturevalue("mongo")
    database = f"contract_{new_token()}"
    # The suites trim at once, so every writer must look out for a trim that passed it.
    return lambda: MongoStore(server.url, database=database, log_keep_s=0.0)


@pytest.fixture
async def store(new_store: Callable[[], Store]) -> AsyncIterator[Store]:
    """One open store with nothing in it."""
    store = new_store()
    await store.open()
    yield store
    await store.close()
