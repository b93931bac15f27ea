"""/v1/users: profiles, bulk upsert, lists, erasure."""

from typing import Any

import pytest

from tests.gateway.http.conftest import Api
from tests.gateway.http.test_topics import ids, make
from tests.waiting import until

pytestmark = pytest.mark.anyio

FULL: dict[str, Any] = {
    "locale": "pt-BR",
    "time_zone": "America/Sao_Paulo",
    "channels": {"email": "ana@example.org", "sms": "+5511987654321"},
    "data": {"plan": "pro", "seats": [1, 2.5, None]},
}


async def test_a_profile_comes_back_as_it_was_written(api: Api) -> None:
    written = await api.ask("PUT", "/v1/users/ana", "users", json=FULL)
    read = await api.ask("GET", "/v1/users/ana", "users")

    assert written.status_code == 200
    assert read.json() == written.json() == {"id": "ana", **FULL, **times(written.json())}


def times(said: dict[str, Any]) -> dict[str, Any]:
    assert said["created_at"].endswith("Z")
    return {name: said[name] for name in ("created_at", "updated_at")}


@pytest.mark.parametrize("options", [{}, {"json": {}}, {"json": {"locale": None, "channels": {"sms": None}}}])
async def test_a_profile_may_say_nothing(api: Api, options: dict[str, Any]) -> None:
    said = (await api.ask("PUT", "/v1/users/ana", **options)).json()

    assert said == {"id": "ana", "locale": None, "time_zone": None, "channels": {}, "data": {}, **times(said)}


async def test_writing_replaces_the_whole_profile_and_keeps_when_it_began(api: Api) -> None:
    first = (await api.ask("PUT", "/v1/users/ana", json=FULL)).json()
    second = (await api.ask("PUT", "/v1/users/ana", json={"locale": "en"})).json()

    assert (second["locale"], second["time_zone"], second["channels"], second["data"]) == ("en", None, {}, {})
    assert second["created_at"] == first["created_at"]
    assert second["updated_at"] >= first["updated_at"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_another_tenants_profile_is_out_of_reach(api: Api, method: str) -> None:
    await api.ask("PUT", "/v1/users/ana", json=FULL, tenant="other")
    await api.ask(method, "/v1/users/ana")

    assert (await api.ask("GET", "/v1/users/ana")).status_code == 404
    assert (await api.ask("GET", "/v1/users/ana", tenant="other")).json()["locale"] == "pt-BR"


async def test_a_thousand_profiles_are_written_at_once_and_listed_in_pages(api: Api) -> None:
    users = [{"id": f"user{n}", **FULL} for n in range(1_000)]
    answer = await api.ask("POST", "/v1/users", json={"users": users})

    assert (answer.status_code, answer.json()) == (200, {"written": 1_000})
    assert sorted(await ids(api, "/v1/users", limit=100)) == sorted(user["id"] for user in users)
    assert await ids(api, "/v1/users", tenant="other") == []


async def test_a_list_holds_whole_profiles(api: Api) -> None:
    written = (await api.ask("PUT", "/v1/users/ana", json=FULL)).json()

    assert (await api.ask("GET", "/v1/users")).json() == {"items": [written], "next": None}


async def test_ids_that_differ_by_case_are_different_users(api: Api) -> None:
    await api.ask("POST", "/v1/users", json={"users": [{"id": "ana", "locale": "en"}, {"id": "Ana", "locale": "de"}]})

    assert (await api.ask("GET", "/v1/users/ana")).json()["locale"] == "en"
    assert (await api.ask("GET", "/v1/users/Ana")).json()["locale"] == "de"


async def test_erasing_leaves_no_trace_and_begins_another_stream(api: Api) -> None:
    await api.ask("PUT", "/v1/users/alice", json=FULL)
    await make(api, "news", "alice", "bob")
    await api.published()
    before = await api.inbox()
    erased = await api.ask("DELETE", "/v1/users/alice", "users")

    assert (erased.status_code, erased.json()["id"]) == (202, "alice")
    assert erased.json()["state"] in ("done", "running")
    await until(lambda: _is_gone(api))
    after = await api.inbox()
    assert (after["items"], after["counts"]) == ([], {"unread": 0, "unseen": 0})
    assert after["epoch"] != before["epoch"]
    assert await ids(api, "/v1/topics/news/members") == ["bob"]
    reset = await api.http.get(
        "/v1/inbox/changes", params={"epoch": before["epoch"], "since": 0}, headers=api.user("alice")
    )
    assert (reset.status_code, reset.json()["code"]) == (410, "stream_reset")


async def _is_gone(api: Api) -> bool:
    return (await api.ask("GET", "/v1/users/alice")).status_code == 404 and not await ids(api, "/v1/users/alice/topics")


async def test_erasing_whom_nobody_knows_is_done_as_often_as_asked(api: Api) -> None:
    for _ in range(2):
        answer = await api.ask("DELETE", "/v1/users/nobody")
        assert (answer.status_code, answer.json()) == (202, {"id": "nobody", "state": "done"})


async def test_who_was_erased_can_be_published_to_again(api: Api) -> None:
    await api.published()
    await api.ask("DELETE", "/v1/users/alice")
    id = await api.published()

    assert [item["notification"] for item in (await api.inbox())["items"]] == [id]
