"""Who is connected, and ending it, over real processes: on every node within 2 s, whatever Redis and the store do."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx2
import jwt
import pytest

from tests.faults.backend import Backend
from tests.faults.fleet import Fleet, Program
from tests.faults.session import Session, greeted
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer
from tests.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

PATH = "/v1/users/alice/sessions"
KICKED, BAD_TOKEN = 4503, 4500
IN_FORCE_S = 2.0
VANISHED_S = 30.0


class Nodes:
    """An api and two gateways, and sessions on them."""

    def __init__(self, backend: Backend, programs: list[Program], http: httpx2.AsyncClient) -> None:
        self.backend = backend
        self.left, self.right = programs
        self._http = http
        self._stack = AsyncExitStack()

    async def open(self, node: Program, token: str) -> Session:
        """A session that was welcomed."""
        session = await self._greet(node, token)
        await session.welcomed()
        return session

    async def refused(self, node: Program, token: str) -> int:
        """The close code that answers a hello with ``token``."""
        return await (await self._greet(node, token)).closed()

    async def _greet(self, node: Program, token: str) -> Session:
        return await self._stack.enter_async_context(greeted(node.url, token))

    async def pull(self, node: Program, token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        return (await self._http.get(f"{node.url}/v1/inbox/counts", headers=headers)).status_code

    async def listed(self) -> list[str]:
        answer = await self.backend.request("GET", PATH)
        assert answer.status_code == 200, answer.text
        return [session["session"] for session in answer.json()["sessions"]]

    async def lists(self, *wanted: Session, within_s: float = 10.0) -> None:
        async def is_so() -> bool:
            return await self.listed() == sorted(session.id for session in wanted)

        await until(is_so, within_s)

    async def knows(self, node: Program, void: str) -> None:
        """Wait until ``node`` has read that this token is void."""

        async def is_so() -> bool:
            return await self.pull(node, void) == 401

        await until(is_so)

    async def kick(self, jti: str | None = None) -> None:
        answer = await self.backend.request("DELETE", PATH, params={} if jti is None else {"jti": jti})
        assert answer.status_code == 204, answer.text

    async def close(self) -> None:
        await self._stack.aclose()


@pytest.fixture
async def nodes(spread: Fleet, http: httpx2.AsyncClient) -> AsyncIterator[Nodes]:
    api, *gateways = await asyncio.to_thread(spread.add_all, "api", "gateway", "gateway")
    backend = await Backend(api.url, http, await asyncio.to_thread(spread.client, "users")).login()
    made = Nodes(backend, gateways, http)
    yield made
    await made.close()


async def test_a_kicked_user_is_closed_everywhere_and_only_a_new_token_comes_back(nodes: Nodes) -> None:
    token, bobs = await nodes.backend.user_token("alice"), await nodes.backend.user_token("bob")
    left, right = await nodes.open(nodes.left, token), await nodes.open(nodes.right, token)
    other = await nodes.open(nodes.left, bobs)
    await nodes.lists(left, right)
    await nodes.kick()

    async with asyncio.timeout(IN_FORCE_S):
        assert [await left.closed(), await right.closed()] == [KICKED] * 2
        assert [await nodes.refused(node, token) for node in (nodes.left, nodes.right)] == [BAD_TOKEN] * 2
    assert [await nodes.pull(node, token) for node in (nodes.left, nodes.right)] == [401] * 2
    await nodes.lists()

    new = await nodes.backend.user_token("alice")
    back = await nodes.open(nodes.right, new)
    await nodes.lists(back)
    await back.say("refresh", token=token)
    assert await back.closed() == BAD_TOKEN
    await other.say("refresh", token=bobs, op="r")
    assert (await other.hear())["op"] == "r"


async def test_by_its_jti_only_the_sessions_of_that_token_end(nodes: Nodes) -> None:
    first, second = [await nodes.backend.user_token("alice") for _ in range(2)]
    ends, stays = await nodes.open(nodes.left, first), await nodes.open(nodes.right, second)
    await nodes.kick(jwt.decode(first, options={"verify_signature": False})["jti"])

    async with asyncio.timeout(IN_FORCE_S):
        assert await ends.closed() == KICKED
    await nodes.lists(stays)
    assert [await nodes.pull(nodes.left, token) for token in (first, second)] == [401, 200]


async def test_with_redis_frozen_a_kick_is_in_force_within_2_s(nodes: Nodes, redis: RedisServer) -> None:
    token = await nodes.backend.user_token("alice")
    sessions = [await nodes.open(node, token) for node in (nodes.left, nodes.right)]
    await asyncio.to_thread(redis.freeze)
    began = time.monotonic()
    await nodes.kick()

    assert [await session.closed() for session in sessions] == [KICKED] * 2
    assert [await nodes.refused(node, token) for node in (nodes.left, nodes.right)] == [BAD_TOKEN] * 2
    assert time.monotonic() - began < IN_FORCE_S
    assert (await nodes.backend.request("GET", PATH)).status_code == 503
    await asyncio.to_thread(redis.thaw)
    await nodes.lists()


async def test_while_the_store_is_away_what_was_revoked_stays_so_and_then_it_goes_on(
    nodes: Nodes, mongo: MongoServer
) -> None:
    mongo.require_own()
    void = await nodes.backend.user_token("alice")
    await nodes.kick()
    good = await nodes.backend.user_token("alice")
    for node in (nodes.left, nodes.right):
        await nodes.knows(node, void)
    session = await nodes.open(nodes.left, good)
    await asyncio.to_thread(mongo.stop)

    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        assert await nodes.refused(nodes.left, void) == BAD_TOKEN
        assert await nodes.pull(nodes.right, void) == 401
        await asyncio.sleep(0.2)
    assert (await nodes.backend.request("DELETE", PATH)).status_code == 503
    assert session.socket.close_code is None, "a session whose token is good stays"
    await asyncio.to_thread(mongo.start)

    async def kicked() -> bool:
        return (await nodes.backend.request("DELETE", PATH)).status_code == 204

    await until(kicked, timeout_s=20)
    assert await session.closed() == KICKED


async def test_the_sessions_of_a_killed_node_vanish_and_those_of_a_wiped_redis_come_back(
    nodes: Nodes, redis: RedisServer
) -> None:
    token = await nodes.backend.user_token("alice")
    stays, gone = await nodes.open(nodes.left, token), await nodes.open(nodes.right, token)
    await nodes.lists(stays, gone)
    await asyncio.to_thread(redis.wipe)
    await nodes.lists(stays, gone)
    await asyncio.to_thread(nodes.right.kill)

    await nodes.lists(stays, within_s=VANISHED_S)
