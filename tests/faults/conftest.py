"""Real servers and real processes for the fault tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.faults.fleet import Fleet
from tests.faults.pair import Pair
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    limits = httpx2.Limits(max_connections=200, max_keepalive_connections=100)
    async with httpx2.AsyncClient(limits=limits, timeout=20, trust_env=False) as client:
        yield client


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mongo(tmp_path: Path) -> Iterator[MongoServer]:
    server = MongoServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Fleet]:
    """``serve`` alone on its embedded defaults; the test adds the program."""
    fleet = Fleet({"BELLWIRE_DATA_DIR": str(tmp_path / "data")}, tmp_path)
    yield fleet
    fleet.stop()


@pytest.fixture
def spread(tmp_path: Path, redis: RedisServer, mongo: MongoServer) -> Iterator[Fleet]:
    """The spread-out form over real servers; the test adds the programs."""
    fleet = Fleet({"BELLWIRE_REDIS_URL": redis.url, "BELLWIRE_MONGO_URL": mongo.url}, tmp_path)
    yield fleet
    fleet.stop()


@pytest.fixture(params=["sqlite", "mongo"])
def kind(request: pytest.FixtureRequest) -> str:
    """The store of a ``pair``."""
    return str(request.param)


@pytest.fixture
def pair(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path, redis: RedisServer, http: httpx2.AsyncClient
) -> Iterator[Pair]:
    """Programs that share a store and a Redis; the test starts them."""
    fleet = Fleet({"BELLWIRE_REDIS_URL": redis.url}, tmp_path)
    if kind == "mongo":
        fleet.environ["BELLWIRE_MONGO_URL"] = request.getfixturevalue("mongo").url
    else:
        fleet.environ["BELLWIRE_DATA_DIR"] = str(tmp_path / "data")
    yield Pair(fleet, http)
    fleet.stop()
