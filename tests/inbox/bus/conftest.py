"""A real redis-server, a bus that notices quickly, and an ear."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from inbox.bus.redis import RedisBus
from tests.inbox.bus.ear import KEY, Ear, Make
from tests.servers.redis import RedisServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def make(server: RedisServer) -> AsyncIterator[Make]:
    """Makes buses that take no pause of a slow machine for deafness, unless told to."""
    async with AsyncExitStack() as stack:

        def make(url: str = server.url, deaf_after_s: float = 10, queue_frames: int = 50_000) -> RedisBus:
            bus = RedisBus(
                url, KEY, echo_every_s=0.05, deaf_after_s=deaf_after_s, backoff_max_s=0.1, queue_frames=queue_frames
            )
            stack.push_async_callback(bus.close)
            return bus

        yield make


@pytest.fixture
def ear() -> Ear:
    return Ear()
