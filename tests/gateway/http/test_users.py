"""POST /v1/users/{id}/tokens."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from gateway.auth.tokens import UserTokens
from tests.gateway.http.conftest import Api

pytestmark = pytest.mark.anyio


async def ask(api: Api, user: str, tenant: str = "default", **options: Any) -> httpx2.Response:
    return await api.http.post(f"/v1/users/{user}/tokens", headers=api.backend("users", tenant=tenant), **options)


@pytest.mark.parametrize("options", [{}, {"json": {}}, {"json": {"ttl_s": 60}}])
async def test_the_token_opens_that_users_inbox(api: Api, options: dict[str, Any]) -> None:
    await api.published(recipients=["alice"])
    token = (await ask(api, "alice", **options)).json()["token"]
    answer = await api.http.get("/v1/inbox", headers={"authorization": f"Bearer {token}"})

    assert answer.json()["seq"] == 1


async def test_the_token_is_for_the_tenant_of_whoever_asked(api: Api) -> None:
    await api.published(recipients=["alice"])
    token = (await ask(api, "alice", tenant="other")).json()["token"]
    answer = await api.http.get("/v1/inbox", headers={"authorization": f"Bearer {token}"})

    assert answer.json()["seq"] == 0


async def test_the_answer_says_when_the_token_ends(api: Api) -> None:
    said = (await ask(api, "alice", json={"ttl_s": 600})).json()
    ends = datetime.fromisoformat(said["expires_at"])

    assert timedelta(seconds=590) < ends - datetime.now(UTC) < timedelta(seconds=601)


@pytest.mark.parametrize("ttl_s", [0, -1, 86_401, 1.5, "60", True, None])
async def test_a_life_that_does_not_fit_is_refused(api: Api, ttl_s: Any) -> None:
    answer = await ask(api, "alice", json={"ttl_s": ttl_s})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "ttl_s")


@pytest.mark.parametrize("user", ["a%20b", "a%00", "%C3%A9", "%FF", "x" * 129, "a%22b", "%25"])
async def test_an_id_that_no_user_can_have_is_refused(api: Api, user: str) -> None:
    answer = await ask(api, user)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "id")


async def test_a_slash_in_an_id_leads_nowhere(api: Api) -> None:
    assert (await ask(api, "a%2Fb")).status_code == 404


async def test_the_token_grants_the_channels_that_were_asked_for(api: Api) -> None:
    token = (await ask(api, "alice", json={"topics": ["news", "room:*"]})).json()["token"]
    claims = await UserTokens(api.ring, api.settings).verify(token)

    assert claims.topics == ("news", "room:*")


@pytest.mark.parametrize(("topics", "field"), [(["a b"], "topics[0]"), ("news", "topics"), (["t"] * 101, "topics")])
async def test_grants_that_do_not_fit_are_refused(api: Api, topics: Any, field: str) -> None:
    answer = await ask(api, "alice", json={"topics": topics})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
