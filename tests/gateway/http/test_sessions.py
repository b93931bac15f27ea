"""GET and DELETE /v1/users/{id}/sessions, and what becomes of the tokens."""

from typing import Any

import httpx2
import jwt
import pytest
from structlog.testing import capture_logs

from inbox.ids import new_id, stream_key
from tests.gateway.http.conftest import Api

pytestmark = pytest.mark.anyio

PATH = "/v1/users/alice/sessions"


async def token_of(api: Api, user: str = "alice", tenant: str = "default") -> str:
    answer = await api.ask("POST", f"/v1/users/{user}/tokens", "users", tenant=tenant)
    token: str = answer.json()["token"]
    return token


async def pull(api: Api, token: str) -> httpx2.Response:
    return await api.http.get("/v1/inbox/counts", headers={"authorization": f"Bearer {token}"})


def jti_of(token: str) -> str:
    jti: str = jwt.decode(token, options={"verify_signature": False})["jti"]
    return jti


async def test_the_sessions_of_a_user_are_listed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    session = new_id()
    here = {stream_key("default", "alice"): [session]}
    monkeypatch.setattr(type(api.app.hub), "sessions", lambda hub, stream: here.get(stream, []))
    answer = await api.ask("GET", PATH, "users")

    assert answer.status_code == 200
    (shown,) = answer.json()["sessions"]
    assert shown.keys() == {"session", "node", "connected_at"}
    assert shown["session"] == session
    assert (await api.ask("GET", PATH, "users", tenant="other")).json() == {"sessions": []}


async def test_after_a_kick_the_users_tokens_are_refused_and_a_new_one_is_good(api: Api) -> None:
    before = [await token_of(api) for _ in range(2)]
    answer = await api.ask("DELETE", PATH, "users")
    after = await token_of(api)

    assert (answer.status_code, answer.content) == (204, b"")
    refused = [await pull(api, token) for token in before]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [(401, "unauthorized")] * 2
    assert (await pull(api, after)).status_code == 200


async def test_kicks_and_new_tokens_may_follow_each_other_closely(api: Api) -> None:
    for _ in range(20):
        before = await token_of(api)
        await api.ask("DELETE", PATH, "users")
        after = await token_of(api)
        assert [(await pull(api, token)).status_code for token in (before, after)] == [401, 200]


async def test_with_a_jti_only_that_token_is_refused(api: Api) -> None:
    first, second = await token_of(api), await token_of(api)
    answer = await api.ask("DELETE", PATH, "users", params={"jti": jti_of(first)})

    assert answer.status_code == 204
    assert [(await pull(api, token)).status_code for token in (first, second)] == [401, 200]


async def test_another_users_tokens_and_another_tenants_stay_good(api: Api) -> None:
    tokens = [await token_of(api, "bob"), await token_of(api, "alice", tenant="other")]
    await api.ask("DELETE", PATH, "users")

    assert [(await pull(api, token)).status_code for token in tokens] == [200, 200]


async def test_an_erased_users_tokens_stay_void(api: Api) -> None:
    token = await token_of(api)
    await api.ask("DELETE", PATH, "users")
    await api.ask("DELETE", "/v1/users/alice", "users")

    assert (await pull(api, token)).status_code == 401


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"{PATH}?jti=", "jti"),
        (f"{PATH}?jti={'x' * 257}", "jti"),
        (f"{PATH}?jti=a&jti=b", "jti"),
        (f"{PATH}?jit=a", "jit"),
        ("/v1/users/a%20b/sessions", "id"),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_revoked(api: Api, path: str, field: str) -> None:
    token = await token_of(api)
    answer = await api.ask("DELETE", path, "users")

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert (await pull(api, token)).status_code == 200
    assert await api.app.store.revocations(0) == []


async def test_a_list_takes_no_parameters(api: Api) -> None:
    assert (await api.ask("GET", f"{PATH}?limit=1", "users")).status_code == 422


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_the_scope_is_needed(api: Api, method: str) -> None:
    assert (await api.ask(method, PATH, "topics")).status_code == 403
    assert await api.app.store.revocations(0) == []


async def test_what_is_in_force_is_counted_and_the_nodes_that_hold_the_user_are_told(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(api.app.bus, "publish", lambda *given: told.append(given))
    await api.ask("DELETE", PATH, "users")
    metrics = (await api.http.get("/metrics")).text

    assert told == [(stream_key("default", "alice"), 0, "", b"")]
    assert "bellwire_revocations_in_force 1.0" in metrics
    assert "bellwire_presence_degraded 0.0" in metrics


async def test_ending_sessions_is_an_act_in_the_audit(api: Api) -> None:
    with capture_logs() as lines:
        await api.ask("DELETE", PATH, "users", params={"jti": "canary"})

    audits: list[Any] = [line for line in lines if line["event"] == "audit"]
    assert [(line["act"], line["target"], line["outcome"]) for line in audits] == [
        ("DELETE /v1/users/{id}/sessions", "alice", "ok")
    ]
