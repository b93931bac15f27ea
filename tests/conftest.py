"""What every test has: the asyncio backend, and a loop that must never be blocked."""

from collections.abc import Iterator

import pytest
import structlog
from blockbuster import BlockBuster, blockbuster_ctx

# As plain as the product logs: structlog's own default draws tracebacks, and reads their sources on the loop.
structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()])


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
