"""The audit: what was denied to a backend, and every administrative act, is one line in the log."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.auth.access import AccessTokens
from gateway.auth.clients import new_client, revoked
from inbox.registered import Client
from tests.gateway.http.conftest import Api
from tests.gateway.http.operations import OPERATIONS

pytestmark = pytest.mark.anyio


def audits(lines: list[Any]) -> list[dict[str, Any]]:
    """The audit's lines without what every line has."""
    return [
        {name: value for name, value in line.items() if name not in ("event", "log_level")}
        for line in lines
        if line["event"] == "audit"
    ]


async def client_of(api: Api, *scopes: str) -> tuple[Client, dict[str, str]]:
    client, _ = new_client("acme", "shop", scopes)
    await api.app.store.put_client(client)
    return client, {"authorization": f"Bearer {AccessTokens(api.ring).mint(client, client.scopes)}"}


async def test_a_missing_scope_is_audited_with_who_and_what(api: Api) -> None:
    client, headers = await client_of(api, "users")
    with capture_logs() as lines:
        await api.http.get("/v1/notifications/x", headers=headers)

    assert audits(lines) == [
        {
            "act": "GET /v1/notifications/{id}",
            "target": "x",
            "outcome": "forbidden",
            "tenant": "acme",
            "client": client.id,
        }
    ]


async def test_a_token_minted_for_a_user_is_audited_and_is_not_in_the_line(api: Api) -> None:
    client, headers = await client_of(api, "users")
    with capture_logs() as lines:
        answer = await api.http.post("/v1/users/alice/tokens", json={}, headers=headers)

    (line,) = audits(lines)
    assert line == {
        "act": "POST /v1/users/{id}/tokens",
        "target": "alice",
        "outcome": "ok",
        "tenant": "acme",
        "client": client.id,
    }
    assert answer.json()["token"] not in str(lines)


async def test_an_act_that_does_not_come_to_pass_is_audited_with_its_code(api: Api) -> None:
    _, headers = await client_of(api, "users")
    with capture_logs() as lines:
        await api.http.post("/v1/users/alice/tokens", json={"ttl_s": 0}, headers=headers)

    assert [line["outcome"] for line in audits(lines)] == ["invalid"]


async def test_a_users_token_at_a_backends_door_is_audited_with_the_user(api: Api) -> None:
    with capture_logs() as lines:
        await api.http.post("/v1/notifications", json={}, headers=api.user("alice", "acme"))

    assert audits(lines) == [
        {"act": "POST /v1/notifications", "target": "", "outcome": "unauthorized", "tenant": "acme", "user": "alice"}
    ]


async def test_a_revoked_clients_token_is_audited(api: Api) -> None:
    client, headers = await client_of(api, "users")
    await api.app.store.put_client(revoked(client))
    with capture_logs() as lines:
        await api.http.post("/v1/users/alice/tokens", json={}, headers=headers)

    assert [(line["client"], line["outcome"]) for line in audits(lines)] == [(client.id, "unauthorized")]


async def test_strangers_leave_no_line(api: Api) -> None:
    with capture_logs() as lines:
        await api.http.post("/v1/notifications", json={})
        await api.http.post("/v1/notifications", json={}, headers={"authorization": "Bearer x.y.z"})
        await api.http.get("/v1/nowhere", headers=api.backend())

    assert audits(lines) == []


async def test_what_is_allowed_and_ordinary_leaves_no_line(api: Api) -> None:
    with capture_logs() as lines:
        id = await api.published()
        await api.http.get(f"/v1/notifications/{id}", headers=api.backend())
        await api.publish(recipients=[])

    assert audits(lines) == []


async def test_a_wrong_secret_of_a_client_we_have_is_audited_and_of_others_is_not(api: Api) -> None:
    client, _ = await client_of(api, "users")
    form = {"grant_type": "client_credentials"}
    with capture_logs() as lines:
        await api.http.post("/oauth/token", data=form, auth=(client.id, "canary"))
        await api.http.post("/oauth/token", data=form, auth=("client-nobody", "canary"))

    assert [(line["act"], line["client"], line["outcome"]) for line in audits(lines)] == [
        ("POST /oauth/token", client.id, "unauthorized")
    ]
    assert "canary" not in str(lines)


async def test_a_long_id_is_cut(api: Api) -> None:
    with capture_logs() as lines:
        await api.http.get("/v1/notifications/" + "x" * 5_000, headers=api.backend())

    assert [len(line["target"]) for line in audits(lines)] == [128]


def test_the_administrative_acts_over_http_are_these() -> None:
    assert {f"{each.method} {each.path}" for each in OPERATIONS if each.audited} == {
        "DELETE /v1/users/{id}",
        "DELETE /v1/users/{id}/sessions",
        "GET /v1/users/{id}/export",
        "POST /v1/users/{id}/tokens",
    }
