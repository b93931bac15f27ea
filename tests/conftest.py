"""What every test has: the asyncio backend, a loop that must never be blocked, and servers that end at once."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
import uvicorn.server
from blockbuster import BlockBuster, blockbuster_ctx

# As plain as the product logs: structlog's own default draws tracebacks, and reads their sources on the loop.
structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()])

FIRST = ("tests/faults/test_storm.py", "tests/faults/", "tests/e2e/")
"""Few tests that take long. What comes last should be short, or one core waits for the other."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((n for n, path in enumerate(FIRST) if item.nodeid.startswith(path)), len(FIRST)))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def blocking_calls_fail() -> Iterator[BlockBuster]:
    """A blocking call on the event loop, made in our own packages, fails the test.

    SQLite's bounded keyed reads are the one exception: 9 µs in place, 135 µs through a thread.
    """
    with blockbuster_ctx(scanned_modules=["gateway", "inbox"]) as blockbuster:
        for name in ("Connection.execute", "Cursor.execute", "Cursor.fetchone", "Cursor.fetchall"):
            blockbuster.functions[f"sqlite3.{name}"].can_block_in("inbox/store/sqlite/store.py", "_read")
        # PyMongo looks for /.dockerenv when it is about to connect.
        blockbuster.functions["os.stat"].can_block_in("pymongo/pool_options.py", "get_container_env_info")
        yield blockbuster


class _Often:
    """asyncio as uvicorn's server has it here: what that looks at every 100 ms, it looks at every 5."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, delay: float) -> None:
        await asyncio.sleep(delay / 20)


@pytest.fixture(scope="session", autouse=True)
def servers_notice_soon_that_they_should_end() -> Iterator[None]:
    """uvicorn asks ten times a second whether to end, and whether its connections have; many tests wait for both."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.server, "asyncio", _Often())
        yield
