"""POST /oauth/token."""

from base64 import b64encode
from urllib.parse import quote_plus

import httpx2
import pytest

from gateway.auth.access import AccessTokens
from gateway.auth.clients import new_client, revoked, rotated
from gateway.settings import LIMITS
from tests.gateway.http.conftest import Api

pytestmark = pytest.mark.anyio

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
async def login(api: Api) -> tuple[str, str]:
    """A stored client's id and secret; it may publish and follow."""
    client, secret = new_client("acme", "shop", ["notifications:write", "notifications:read"])
    await api.app.store.put_client(client)
    return client.id, secret


async def ask(
    api: Api, form: dict[str, str], auth: tuple[str, str] | None = None, headers: dict[str, str] | None = None
) -> httpx2.Response:
    request = api.http.build_request("POST", "/oauth/token", data=form, headers=headers)
    return await api.http.send(request, auth=auth)


async def test_a_client_gets_a_token_for_all_its_scopes(api: Api, login: tuple[str, str]) -> None:
    answer = await ask(api, GRANT, login)

    said = answer.json()
    assert answer.status_code == 200
    assert (said["token_type"], said["expires_in"]) == ("Bearer", 900)
    assert said["scope"] == "notifications:write notifications:read"
    access = await AccessTokens(api.ring).verify(said["access_token"])
    assert (access.tenant, access.client) == ("acme", login[0])


async def test_the_token_opens_what_it_names(api: Api, login: tuple[str, str]) -> None:
    token = (await ask(api, GRANT, login)).json()["access_token"]
    answer = await api.http.post(
        "/v1/notifications",
        json={"recipients": ["alice"], "title": "Hello"},
        headers={"authorization": f"Bearer {token}"},
    )

    assert answer.status_code == 202
    assert (await api.head("alice", "acme")).seq == 1


async def test_credentials_may_stand_in_the_form(api: Api, login: tuple[str, str]) -> None:
    answer = await ask(api, {**GRANT, "client_id": login[0], "client_secret": login[1]})

    assert answer.status_code == 200


async def test_credentials_in_the_header_are_form_encoded(api: Api, login: tuple[str, str]) -> None:
    encoded = b64encode(f"{quote_plus(login[0], safe='')}:{quote_plus(login[1], safe='')}".encode()).decode()

    assert (await ask(api, GRANT, headers={"authorization": f"basic {encoded}"})).status_code == 200


async def test_a_client_may_ask_for_fewer_scopes(api: Api, login: tuple[str, str]) -> None:
    said = (await ask(api, {**GRANT, "scope": "notifications:read"}, login)).json()

    assert said["scope"] == "notifications:read"
    assert (await AccessTokens(api.ring).verify(said["access_token"])).scopes == {"notifications:read"}


async def test_the_answer_is_not_to_be_kept(api: Api, login: tuple[str, str]) -> None:
    answer = await ask(api, GRANT, login)

    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


REFUSED = {
    "no grant": ({}, 400, "invalid_request"),
    "another grant": ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    "a scope it lacks": ({**GRANT, "scope": "users"}, 400, "invalid_scope"),
    "a scope nobody has": ({**GRANT, "scope": "notifications:read everything"}, 400, "invalid_scope"),
    "two ways at once": ({**GRANT, "client_id": "x", "client_secret": "x"}, 400, "invalid_request"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_request_that_does_not_fit_gets_the_error_of_the_standard(
    api: Api, login: tuple[str, str], name: str
) -> None:
    form, status, code = REFUSED[name]
    answer = await ask(api, form, login)

    assert (answer.status_code, answer.json()["error"]) == (status, code)


STRANGERS: list[dict[str, str]] = [
    {},
    {"authorization": "Basic "},
    {"authorization": "Basic !!!"},
    {"authorization": "Basic " + b64encode(b"no colon").decode()},
    {"authorization": "Basic " + b64encode(b"\xff:\xff").decode()},
    {"authorization": "Basic " + b64encode(b"client-nobody:secret").decode()},
    {"authorization": "Basic " + b64encode(b'{"$gt":""}:x').decode()},
    {"authorization": "Bearer x"},
]


@pytest.mark.parametrize("headers", STRANGERS)
async def test_who_is_no_client_is_invalid_client(api: Api, headers: dict[str, str]) -> None:
    answer = await ask(api, GRANT, headers=headers)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_a_wrong_secret_is_invalid_client(api: Api, login: tuple[str, str]) -> None:
    answer = await ask(api, GRANT, (login[0], login[1][:-1]))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_another_clients_secret_is_invalid_client(api: Api, login: tuple[str, str]) -> None:
    other, secret = new_client("acme", "other", ["users"])
    await api.app.store.put_client(other)

    assert (await ask(api, GRANT, (login[0], secret))).status_code == 401


@pytest.mark.parametrize("content", [b"grant_type=client_credentials&grant_type=x", b"\xff=1", b"x" * 300_000])
async def test_a_form_that_does_not_parse_is_invalid_request(api: Api, login: tuple[str, str], content: bytes) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = await api.http.post("/oauth/token", content=content, auth=login, headers=kind)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_json_is_not_a_form(api: Api, login: tuple[str, str]) -> None:
    answer = await api.http.post("/oauth/token", json=GRANT, auth=login)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_revoked_client_is_invalid_client(api: Api, login: tuple[str, str]) -> None:
    client = await api.app.store.client(login[0])
    assert client is not None
    await api.app.store.put_client(revoked(client))

    assert (await ask(api, GRANT, login)).json()["error"] == "invalid_client"


async def test_both_secrets_of_a_client_that_rotates_are_good(api: Api, login: tuple[str, str]) -> None:
    client = await api.app.store.client(login[0])
    assert client is not None
    changed, secret = rotated(client, grace_s=60)
    await api.app.store.put_client(changed)

    assert [(await ask(api, GRANT, (login[0], each))).status_code for each in (login[1], secret)] == [200, 200]


async def test_wrong_secrets_of_one_client_are_429_in_the_end_and_the_right_one_is_never_locked_out(
    api: Api, login: tuple[str, str]
) -> None:
    wrong = [await ask(api, GRANT, (login[0], "wrong")) for _ in range(LIMITS.failed_tokens_burst + 1)]

    assert [each.status_code for each in wrong] == [401] * LIMITS.failed_tokens_burst + [429]
    assert (wrong[-1].json()["code"], int(wrong[-1].headers["retry-after"]) > 1) == ("rate_limited", True)
    assert (await ask(api, GRANT, ("client-nobody", "wrong"))).status_code == 401
    assert (await ask(api, GRANT, login)).status_code == 200
