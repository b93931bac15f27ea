"""``bellwire sessions`` against a running server."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.fleet import Fleet, Program, command
from tests.faults.session import greeted

pytestmark = pytest.mark.anyio


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet({"BELLWIRE_DATA_DIR": str(tmp_path / "data")}, tmp_path)
    yield made
    made.stop()


async def test_sessions_are_shown_one_a_line_and_ended(fleet: Fleet) -> None:
    server: Program = await asyncio.to_thread(fleet.add, "serve")

    async def sessions(*words: str) -> list[str]:
        given = ("sessions", "alice", "--url", server.url, *words)
        return (await asyncio.to_thread(command, fleet.environ, *given)).splitlines()

    token = await asyncio.to_thread(command, fleet.environ, "token", "alice")
    async with greeted(server.url, token) as session:
        await session.welcomed()

        (line,) = await sessions()
        assert json.loads(line)["session"] == session.id
        assert await sessions("--end", "--jti", "another") == []
        assert len(await sessions()) == 1
        assert await sessions("--end") == []
        assert await session.closed() == 4503
    assert await sessions() == []


def test_one_token_alone_can_only_be_ended(fleet: Fleet) -> None:
    with pytest.raises(AssertionError, match="--jti goes with --end"):
        command(fleet.environ, "sessions", "alice", "--jti", "t1")
