"""Bad input to everything but publish: a clear 4xx that names the field, and nothing changed."""

from typing import Any

import pytest

from tests.gateway.http.conftest import Api

pytestmark = pytest.mark.anyio

MANY = [f"u{n}" for n in range(1_001)]
MEMBERS = "/v1/topics/news/members"

INVALID: dict[str, tuple[str, str, Any, str]] = {
    "a topic with a field too many": ("PUT", "/v1/topics/news", {"descripton": "x"}, "descripton"),
    "a description of 201 characters": ("PUT", "/v1/topics/news", {"description": "x" * 201}, "description"),
    "a topic with a space": ("PUT", "/v1/topics/a%20b", {}, "topic"),
    "a topic of 129 characters": ("PUT", f"/v1/topics/{'x' * 129}", {}, "topic"),
    "no change of members": ("POST", MEMBERS, {}, "add"),
    "1,001 members": ("POST", MEMBERS, {"add": MANY}, "add"),
    "1,001 members in both": ("POST", MEMBERS, {"add": MANY[:501], "remove": MANY[501:]}, "add"),
    "a member with a newline": ("POST", MEMBERS, {"add": ["ann\n"]}, "add[0]"),
    "a member in both": ("POST", MEMBERS, {"add": ["zoe"], "remove": ["bob", "zoe"]}, "remove[1]"),
    "an operator as a member": ("POST", MEMBERS, {"add": [{"$gt": ""}]}, "add[0]"),
    "a page of 101": ("GET", f"{MEMBERS}?limit=101", None, "limit"),
    "a page of none": ("GET", f"{MEMBERS}?limit=0", None, "limit"),
    "a page of a billion": ("GET", "/v1/users?limit=1000000000", None, "limit"),
    "a cursor of ours cut short": ("GET", "/v1/topics?after=AAAA", None, "after"),
    "an unknown parameter": ("GET", "/v1/topics?before=x", None, "before"),
    "a parameter where there is none": ("GET", "/v1/topics/news?limit=1", None, "limit"),
    "a locale that is none": ("PUT", "/v1/users/ann", {"locale": "english please"}, "locale"),
    "a time zone that is none": ("PUT", "/v1/users/ann", {"time_zone": "Europe/Atlantis"}, "time_zone"),
    "a path as a time zone": ("PUT", "/v1/users/ann", {"time_zone": "../../etc/passwd"}, "time_zone"),
    "an address without a domain": ("PUT", "/v1/users/ann", {"channels": {"email": "ann"}}, "channels.email"),
    "two addresses": ("PUT", "/v1/users/ann", {"channels": {"email": "a@b.c, d@e.f"}}, "channels.email"),
    "a header in an address": ("PUT", "/v1/users/ann", {"channels": {"email": "a@b.c\nBcc: x"}}, "channels.email"),
    "a number without a plus": ("PUT", "/v1/users/ann", {"channels": {"sms": "4915112345678"}}, "channels.sms"),
    "a number of 16 digits": ("PUT", "/v1/users/ann", {"channels": {"sms": "+1234567890123456"}}, "channels.sms"),
    "an unknown channel": ("PUT", "/v1/users/ann", {"channels": {"fax": "+49"}}, "channels.fax"),
    "data too large": ("PUT", "/v1/users/ann", {"data": {"x": "x" * 16_384}}, "data"),
    "no profiles": ("POST", "/v1/users", {"users": []}, "users"),
    "1,001 profiles": ("POST", "/v1/users", {"users": [{"id": id} for id in MANY]}, "users"),
    "a profile twice": ("POST", "/v1/users", {"users": [{"id": "zoe"}, {"id": "zoe"}]}, "users[1].id"),
    "a profile of nobody": ("POST", "/v1/users", {"users": [{"locale": "en"}]}, "users[0].id"),
    "one bad profile among good ones": (
        "POST",
        "/v1/users",
        {"users": [{"id": "zoe"}, {"id": "yan", "channels": {"sms": "x"}}]},
        "users[1].channels.sms",
    ),
    "a patch of nothing": ("PATCH", "{published}", {}, "body"),
    "a patch of the recipients": ("PATCH", "{published}", {"recipients": ["bob"]}, "recipients"),
    "a patch that takes the title": ("PATCH", "{published}", {"title": None}, "title"),
    "a patch to javascript:": ("PATCH", "{published}", {"url": "javascript:x"}, "url"),
    "a patch with too much data": ("PATCH", "{published}", {"data": {"x": "x" * 16_384}}, "data"),
}

UNKNOWN = [
    ("GET", "/v1/topics/nowhere", None),
    ("DELETE", "/v1/topics/nowhere", None),
    ("GET", "/v1/topics/nowhere/members", None),
    ("POST", "/v1/topics/nowhere/members", {"add": ["ann"]}),
    ("GET", "/v1/users/nobody", None),
    ("GET", "/v1/notifications/01kb3v5w8y2c4e6g8j0m2p4r6t", None),
    ("POST", "/v1/notifications/$ne/cancel", None),
    ("PATCH", "/v1/notifications/..%2f", {"title": "x"}),
]


async def everything(api: Api) -> list[Any]:
    """What a backend and a user see."""
    paths = ("/v1/topics", "/v1/topics/news", MEMBERS, "/v1/users", "/v1/users/ann")
    seen = [(await api.ask("GET", path)).json() for path in paths]
    return [*seen, await api.inbox("ann")]


@pytest.fixture
async def published(api: Api) -> str:
    """The path of a notification in a small world."""
    await api.ask("PUT", "/v1/topics/news")
    await api.ask("POST", MEMBERS, json={"add": ["bob"]})
    await api.ask("PUT", "/v1/users/ann", json={"locale": "en"})
    return f"/v1/notifications/{await api.published(recipients=['ann'])}"


@pytest.mark.parametrize("name", INVALID)
async def test_what_does_not_fit_is_refused_by_its_field(api: Api, published: str, name: str) -> None:
    method, path, body, field = INVALID[name]
    before = await everything(api)
    answer = await api.ask(method, path.format(published=published), json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert await everything(api) == before


@pytest.mark.parametrize(("method", "path", "body"), UNKNOWN)
async def test_what_is_not_there_is_not_found(
    api: Api, published: str, method: str, path: str, body: dict[str, Any] | None
) -> None:
    before = await everything(api)
    answer = await api.ask(method, path, json=body)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await everything(api) == before


async def test_a_cursor_of_another_users_inbox_is_refused(api: Api) -> None:
    for user in ("ann", "bob"):
        for _ in range(2):
            await api.published(recipients=[user])
    anns = (await api.inbox("ann", limit=1))["next"]
    answer = await api.http.get("/v1/inbox", params={"before": anns}, headers=api.user("bob"))

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "before")


async def test_a_cursor_of_another_list_is_refused(api: Api) -> None:
    for name in ("a", "b"):
        await api.ask("PUT", f"/v1/topics/{name}")
    after = (await api.ask("GET", "/v1/topics?limit=1")).json()["next"]

    assert (await api.ask("GET", "/v1/topics", params={"after": after})).status_code == 200
    assert (await api.ask("GET", "/v1/users", params={"after": after})).status_code == 422
    assert (await api.ask("GET", "/v1/topics", params={"after": after}, tenant="other")).status_code == 422
