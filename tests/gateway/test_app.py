"""The composition root: which role answers what, and what happens when a part is missing."""

from pathlib import Path
from unittest.mock import AsyncMock

import httpx2
import pytest

from gateway import app as root
from gateway.app import open_store, running
from gateway.settings import Role, Settings
from inbox.bus.memory import MemoryBus
from inbox.errors import ConfigError, Unavailable
from inbox.store.base import Store
from inbox.store.sqlite import SqliteStore
from tests.waiting import until

pytestmark = pytest.mark.anyio

APART = Settings(mongo_url="mongodb://mongo.test", redis_url="redis://redis.test")
BACKEND = {"/v1/notifications", "/oauth/token"}
USER = {"/v1/inbox", "/v1/inbox/changes", "/v1/inbox/read"}
OPS = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"}


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever the settings name, the store is a file and the bus is in process."""
    monkeypatch.setattr(root, "make_store", lambda settings: SqliteStore(tmp_path / "store"))
    monkeypatch.setattr(root, "make_bus", lambda settings, key: MemoryBus())


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize(
    ("role", "answered"),
    [("serve", BACKEND | USER | OPS), ("gateway", USER | OPS), ("api", BACKEND | OPS), ("worker", OPS)],
)
async def test_a_role_answers_its_own_routes_and_no_others(role: Role, answered: set[str]) -> None:
    async with running(APART, role) as app:
        transport = httpx2.ASGITransport(app.asgi)
        async with httpx2.AsyncClient(transport=transport, base_url="http://x") as http:
            found = {path for path in BACKEND | USER | OPS if (await http.get(path)).status_code != 404}

    assert found == answered


@pytest.mark.usefixtures("embedded")
async def test_a_process_is_registered_while_it_runs(tmp_path: Path) -> None:
    async def is_registered() -> bool:
        return bool(await app.store.processes())

    async with running(APART, "worker") as app:
        await until(is_registered)
    again = SqliteStore(tmp_path / "store")
    await again.open()

    assert await again.processes() == []
    await again.close()


async def test_a_store_that_comes_up_late_is_waited_for() -> None:
    store = AsyncMock(Store)
    store.open.side_effect = [Unavailable("away"), Unavailable("away"), None]
    await open_store(store, wait_s=5, pause_s=0)

    assert store.open.await_count == 3


async def test_a_store_that_stays_away_is_given_up() -> None:
    store = AsyncMock(Store)
    store.open.side_effect = Unavailable("away")
    with pytest.raises(Unavailable):
        await open_store(store, wait_s=0, pause_s=0)


async def test_a_store_that_is_not_fit_is_not_tried_again() -> None:
    store = AsyncMock(Store)
    store.open.side_effect = ConfigError("write concern")
    with pytest.raises(ConfigError):
        await open_store(store)

    assert store.open.await_count == 1


async def test_parts_are_closed_in_reverse_even_when_the_process_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    closed: list[str] = []
    store, bus = SqliteStore(tmp_path / "store"), MemoryBus()
    for name, part in (("store", store), ("bus", bus)):
        real = part.close

        async def close(name: str = name, real: object = real) -> None:
            closed.append(name)
            await real()  # type: ignore[operator]

        monkeypatch.setattr(part, "close", close)
    monkeypatch.setattr(root, "make_store", lambda settings: store)
    monkeypatch.setattr(root, "make_bus", lambda settings, key: bus)

    with pytest.raises(RuntimeError, match="on purpose"):
        async with running(APART, "api"):
            raise RuntimeError("on purpose")
    assert closed == ["bus", "store"]
