"""What one backend client may ask: a rate, a number at once, and headers that say where it stands."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from gateway.auth.access import AccessTokens
from gateway.auth.clients import new_client
from gateway.auth.standing import Standings
from gateway.auth.tokens import UserTokens
from gateway.http.access import Gate
from gateway.http.endpoint import Endpoint, json_answer
from gateway.http.limits import LimitStatistics, RequestLimits, limits_of_users
from gateway.metrics import RequestMetrics
from gateway.rate import Rate
from gateway.settings import Settings
from inbox.errors import RateLimited
from tests.gateway.auth.keyring import RING
from tests.gateway.http.conftest import Api, served
from tests.waiting import until

pytestmark = pytest.mark.anyio

BURST = 5
STATE = re.compile(r'"client";r=\d+;t=\d+')


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Api]:
    """A process that lets each client ask once in two seconds, five at once."""
    settings = Settings(data_dir=str(tmp_path), client_requests_per_s=0.5, client_requests_burst=BURST)
    async with served(settings) as api:
        yield api


async def other_client(api: Api) -> dict[str, str]:
    client, _ = new_client("default", "other", ["notifications:read"])
    await api.app.store.put_client(client)
    return {"authorization": f"Bearer {AccessTokens(api.ring).mint(client, client.scopes)}"}


async def ask(api: Api, headers: dict[str, str]) -> httpx2.Response:
    return await api.http.get("/v1/notifications/0", headers=headers)


async def exhaust(api: Api) -> httpx2.Response:
    """The first answer beyond the rate."""
    while (answer := await ask(api, api.backend())).status_code != 429:
        pass
    return answer


async def test_an_answer_says_what_is_left_and_when_all_is_again(limited: Api) -> None:
    answers = [await ask(limited, limited.backend()) for _ in range(2)]

    assert answers[0].headers["ratelimit-policy"] == '"client";q=5;w=10'
    assert answers[0].headers["ratelimit"] == '"client";r=4;t=2'
    assert STATE.fullmatch(answers[1].headers["ratelimit"])


async def test_every_answer_to_a_known_client_says_it_whatever_it_is(limited: Api) -> None:
    answers = [
        await limited.publish(),
        await limited.publish(recipients=[]),
        await limited.http.post("/v1/notifications", json={}, headers=limited.backend("users")),
        await exhaust(limited),
    ]

    assert [each.status_code for each in answers] == [202, 422, 403, 429]
    assert all({"ratelimit", "ratelimit-policy"} <= {*each.headers} for each in answers)


async def test_who_is_not_known_has_no_such_limit(limited: Api) -> None:
    answers = [
        await limited.http.get("/v1/inbox"),
        await limited.http.get("/v1/notifications/0"),
        await limited.http.get("/healthz"),
    ]

    assert [each.status_code for each in answers] == [401, 401, 200]
    assert [each for each in answers if "ratelimit" in each.headers] == []


async def test_beyond_the_rate_it_is_429_with_the_time_to_wait(limited: Api) -> None:
    refused = await exhaust(limited)

    assert (refused.json()["code"], refused.json()["temporary"]) == ("rate_limited", True)
    assert refused.headers["retry-after"] in ("1", "2")
    assert refused.headers["ratelimit"].startswith('"client";r=0;')


def test_after_the_time_to_wait_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("gateway.http.limits.monotonic_s", lambda: now)
    limits = RequestLimits("client", Rate(10, 1), concurrent=9, remembered=1)
    limits.enter("client-x")
    with pytest.raises(RateLimited) as refused:
        limits.enter("client-x")
    now += refused.value.retry_after_s

    limits.enter("client-x")


async def test_what_is_refused_has_no_effect(limited: Api) -> None:
    await exhaust(limited)
    refused = await limited.publish(recipients=["bob"])

    assert refused.status_code == 429
    assert (await limited.head("bob")).seq == 0


async def test_one_clients_haste_is_not_anothers(limited: Api) -> None:
    other = await other_client(limited)
    await exhaust(limited)

    assert (await ask(limited, other)).status_code == 404


async def test_paths_that_nothing_answers_on_are_counted_under_one_name(api: Api) -> None:
    for path in ("/v1/nowhere", "/wp-login.php"):
        await api.http.get(path)

    text = (await api.http.get("/metrics")).text
    assert 'bellwire_http_requests_total{method="GET",route="unknown",status="404"} 2.0' in text
    assert "wp-login" not in text


async def test_refusals_are_counted(limited: Api) -> None:
    await exhaust(limited)

    assert "bellwire_client_limits_over_rate_total 1.0" in (await limited.http.get("/metrics")).text


def test_a_client_that_was_forgotten_for_others_begins_anew() -> None:
    limits = RequestLimits("client", Rate(0.001, 1), concurrent=1, remembered=10)
    for number in range(11):
        limits.enter(f"client-{number}")
        limits.leave(f"client-{number}")

    limits.enter("client-0")
    with pytest.raises(RateLimited):
        limits.enter("client-10")


async def test_beyond_what_a_client_may_have_in_hand_it_is_429_until_a_request_ends(api: Api) -> None:
    end = asyncio.Event()
    limits = RequestLimits("client", Rate(1_000, 1_000), concurrent=2, remembered=9)
    users = UserTokens(RING, Settings())
    gate = Gate(AccessTokens(api.ring), users, Standings(api.app.store), limits, limits_of_users())

    async def wait(request: Request) -> Response:
        await gate.backend(request, "notifications:read")
        await end.wait()
        return json_answer(b"{}")

    endpoint = Endpoint("/", {"GET": wait}, RequestMetrics(CollectorRegistry()))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(endpoint), base_url="http://x") as http:
        waiting = [asyncio.create_task(http.get("/", headers=api.backend())) for _ in range(2)]
        await until(lambda: sum(limits.in_hand.values()) == 2)
        refused = await http.get("/", headers=api.backend())
        other = asyncio.create_task(http.get("/", headers=await other_client(api)))
        end.set()
        done = await asyncio.gather(*waiting, other)
        after = await http.get("/", headers=api.backend())

    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (429, "rate_limited", "1")
    assert [each.status_code for each in [*done, after]] == [200, 200, 200, 200]
    assert (limits.statistics(), limits.in_hand) == (LimitStatistics(over_rate=0, over_concurrency=1), {})
