"""What one user may ask of a process: a rate, a number at once, and nobody else waits for it."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from gateway.auth.access import AccessTokens
from gateway.auth.standing import Standings
from gateway.auth.tokens import UserTokens
from gateway.http.access import Gate
from gateway.http.endpoint import Endpoint, json_answer
from gateway.http.limits import RequestLimits
from gateway.metrics import RequestMetrics
from gateway.rate import Rate
from gateway.settings import LIMITS
from tests.gateway.http.conftest import Api
from tests.waiting import until

pytestmark = pytest.mark.anyio

BURST = 3


def limited(api: Api) -> httpx2.AsyncClient:
    """Requests to a gate that lets each user ask once in 100 s, three at once."""
    limits = RequestLimits("user", Rate(0.01, BURST), concurrent=9, remembered=9)
    users = UserTokens(api.ring, api.settings)
    gate = Gate(AccessTokens(api.ring), users, Standings(api.app.store), limits, limits)

    async def answer(request: Request) -> Response:
        await gate.user(request)
        return json_answer(b"{}")

    endpoint = Endpoint("/", {"GET": answer}, RequestMetrics(CollectorRegistry()))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(endpoint), base_url="http://bellwire.test")


async def test_beyond_the_rate_of_a_user_it_is_429_with_the_time_to_wait(api: Api) -> None:
    async with limited(api) as http:
        answers = [await http.get("/", headers=api.user("alice")) for _ in range(BURST + 1)]

    assert [each.status_code for each in answers] == [200] * BURST + [429]
    assert (answers[-1].json()["code"], answers[-1].json()["temporary"]) == ("rate_limited", True)
    assert 90 < int(answers[-1].headers["retry-after"]) <= 100
    assert answers[-1].headers["ratelimit"].startswith('"user";r=0;')


async def test_the_rate_is_by_tenant_and_user_whatever_the_token(api: Api) -> None:
    async with limited(api) as http:
        for _ in range(BURST):
            await http.get("/", headers=api.user("alice"))
        asked = [("alice", "default", 30), ("bob", "default", 60), ("alice", "other", 60)]
        answers = [await http.get("/", headers=api.user(*each)) for each in asked]

    assert [each.status_code for each in answers] == [429, 200, 200]


async def test_every_answer_to_a_user_says_what_is_left(api: Api) -> None:
    alice = api.user("alice")
    answers = [
        await api.http.get("/v1/inbox", headers=alice),
        await api.http.get("/v1/inbox?limit=0", headers=alice),
        await api.http.get("/v1/inbox/changes?epoch=x&since=0", headers=alice),
        await api.http.post("/v1/inbox/read", json={"ids": ["x"]}, headers=alice),
    ]

    assert [each.status_code for each in answers] == [200, 422, 410, 404]
    assert {each.headers["ratelimit-policy"] for each in answers} == {'"user";q=1000;w=20'}
    assert answers[0].headers["ratelimit"] == '"user";r=999;t=1'


async def test_one_user_has_so_many_requests_in_hand_and_others_go_on(api: Api) -> None:
    epoch = (await api.head("alice")).epoch

    def seen(user: str) -> "asyncio.Task[httpx2.Response]":
        mark: dict[str, Any] = {"upto": 0, "epoch": epoch}
        return asyncio.create_task(api.http.post("/v1/inbox/seen", json=mark, headers=api.user(user)))

    async with held_up(api):
        asked = [seen("alice") for _ in range(LIMITS.user_concurrent_requests + 1)]
        await until(lambda: any(each.done() for each in asked))
        waiting = [each for each in asked if not each.done()]
        (refused,) = [each.result() for each in asked if each.done()]
        others = [seen("bob"), *waiting]
        page = await api.http.get("/v1/inbox", headers=api.user("bob"))
    answers = await asyncio.gather(*others)

    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (429, "rate_limited", "1")
    assert len(waiting) == LIMITS.user_concurrent_requests
    assert {each.status_code for each in [page, *answers]} == {200}
    assert "bellwire_user_limits_over_concurrency_total 1.0" in (await api.http.get("/metrics")).text
    assert (await seen("alice")).status_code == 200


@asynccontextmanager
async def held_up(api: Api) -> AsyncIterator[None]:
    """The store's writer is at something else."""
    end = threading.Event()
    holding = asyncio.create_task(api.app.store._writer.run(lambda db: end.wait()))  # type: ignore[attr-defined]
    try:
        yield
    finally:
        end.set()
        await holding
