"""Who may ask for what: token kinds, scopes, and one user's inbox against everybody else's token."""

import httpx2
import pytest

from gateway.http.operation import Operation
from tests.gateway.http.conftest import Api
from tests.gateway.http.operations import LIVE, OPERATIONS

pytestmark = pytest.mark.anyio

BACKEND = [each for each in OPERATIONS if each.security not in ("user", "client", "none")]
USER = [each for each in OPERATIONS if each.security == "user"]
OPEN = [each for each in OPERATIONS if each.security == "none"]


def name(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


async def ask(api: Api, operation: Operation, headers: dict[str, str]) -> httpx2.Response:
    return await api.http.request(operation.method, operation.path.replace("{id}", "alice"), headers=headers)


@pytest.mark.parametrize("operation", BACKEND + USER, ids=name)
async def test_without_a_token_nothing_private_opens(api: Api, operation: Operation) -> None:
    answer = await ask(api, operation, {})

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("operation", BACKEND, ids=name)
async def test_a_users_token_does_not_open_the_backends_side(api: Api, operation: Operation) -> None:
    answer = await ask(api, operation, api.user("alice"))

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert "invalid_token" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("operation", USER, ids=name)
async def test_a_backends_token_does_not_open_an_inbox(api: Api, operation: Operation) -> None:
    answer = await ask(api, operation, api.backend())

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("operation", BACKEND, ids=name)
async def test_a_token_without_the_scope_is_forbidden(api: Api, operation: Operation) -> None:
    others = {"notifications:write", "notifications:read", "users", "topics", "admin"} - {operation.security}
    answer = await ask(api, operation, api.backend(*others))

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert answer.headers["www-authenticate"] == f'Bearer error="insufficient_scope", scope="{operation.security}"'


@pytest.mark.parametrize("operation", BACKEND, ids=name)
async def test_the_scope_alone_is_enough(api: Api, operation: Operation) -> None:
    answer = await ask(api, operation, api.backend(operation.security))

    assert answer.status_code not in (401, 403)


@pytest.mark.parametrize("operation", [each for each in USER if each not in LIVE], ids=name)
async def test_a_users_token_opens_that_users_side(api: Api, operation: Operation) -> None:
    answer = await ask(api, operation, api.user("alice"))

    assert answer.status_code not in (401, 403)


@pytest.mark.parametrize("operation", OPEN, ids=name)
async def test_operations_need_no_token(api: Api, operation: Operation) -> None:
    assert (await ask(api, operation, {})).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YWxpY2U6eA==", "alice", "Bearer a b", "Bearer é"])
async def test_an_authorization_header_of_another_form_is_refused(api: Api, header: str) -> None:
    answer = await api.http.get("/v1/inbox", headers=[(b"authorization", header.encode("latin-1"))])

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


async def test_two_authorization_headers_are_refused_though_each_is_good(api: Api) -> None:
    token = api.user("alice")["authorization"]
    answer = await api.http.get("/v1/inbox", headers=[("authorization", token), ("authorization", token)])

    assert answer.status_code == 401


async def test_the_scheme_may_be_written_in_any_case(api: Api) -> None:
    token = api.user("alice")["authorization"].removeprefix("Bearer ")

    assert (await api.http.get("/v1/inbox", headers={"authorization": f"bEARER {token}"})).status_code == 200


async def test_an_expired_token_says_so(api: Api) -> None:
    answer = await api.http.get("/v1/inbox", headers=api.user("alice", ttl_s=-3_600))

    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


OTHERS = [("bob", "default"), ("alice", "other"), ("bob", "other")]


@pytest.mark.parametrize(("user", "tenant"), OTHERS)
@pytest.mark.parametrize("op", ["read", "unread", "seen", "archive", "unarchive", "remove"])
async def test_another_users_item_is_not_found_and_not_touched(api: Api, op: str, user: str, tenant: str) -> None:
    await api.published(recipients=["alice"])
    await api.published(tenant=tenant, recipients=[user])
    before = await api.inbox("alice")
    answer = await api.http.post(
        f"/v1/inbox/{op}", json={"ids": [before["items"][0]["id"]]}, headers=api.user(user, tenant)
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await api.inbox("alice") == before


@pytest.mark.parametrize(("user", "tenant"), OTHERS)
async def test_another_users_item_among_ones_own_is_missing_and_not_touched(api: Api, user: str, tenant: str) -> None:
    await api.published(recipients=["alice"])
    await api.published(tenant=tenant, recipients=[user])
    before = await api.inbox("alice")
    theirs = before["items"][0]["id"]
    own = (await api.inbox(user, tenant))["items"][0]["id"]
    answer = await api.http.post("/v1/inbox/read", json={"ids": [theirs, own]}, headers=api.user(user, tenant))

    assert (answer.json()["changed"], answer.json()["missing"]) == ([own], [theirs])
    assert await api.inbox("alice") == before


@pytest.mark.parametrize(("user", "tenant"), OTHERS)
async def test_marking_everything_marks_ones_own_only(api: Api, user: str, tenant: str) -> None:
    await api.published(recipients=["alice"])
    await api.published(tenant=tenant, recipients=[user])
    before = await api.inbox("alice")
    epoch = (await api.inbox(user, tenant))["epoch"]
    await api.http.post("/v1/inbox/remove", json={"upto": 99, "epoch": epoch}, headers=api.user(user, tenant))

    assert (await api.inbox(user, tenant))["items"] == []
    assert await api.inbox("alice") == before


@pytest.mark.parametrize(("user", "tenant"), OTHERS)
async def test_pages_changes_and_counts_hold_ones_own_only(api: Api, user: str, tenant: str) -> None:
    await api.published(recipients=["alice"])
    page = await api.inbox(user, tenant, status="all")
    changes = await api.http.get(
        "/v1/inbox/changes", params={"epoch": page["epoch"], "since": 0}, headers=api.user(user, tenant)
    )

    assert (page["items"], page["seq"], page["counts"]["unread"]) == ([], 0, 0)
    assert changes.json()["entries"] == []


async def test_the_tenant_of_a_publish_is_the_tokens(api: Api) -> None:
    await api.published(tenant="other", recipients=["alice"])

    assert (await api.head("alice", "default")).seq == 0
    assert (await api.head("alice", "other")).seq == 1


async def test_a_user_named_like_a_pattern_has_an_inbox_of_its_own(api: Api) -> None:
    await api.published(recipients=["alice", "bob"])
    await api.published(recipients=["*"], title="to the star")

    assert [item["title"] for item in (await api.inbox("*"))["items"]] == ["to the star"]
