"""GET /v1/users/{id}/export: JSON lines of everything there is."""

import json
from typing import Any

import pytest

from gateway.http.export import export
from inbox.errors import Unavailable
from tests.gateway.http.conftest import Api
from tests.gateway.http.test_topics import make

pytestmark = pytest.mark.anyio

PATH = "/v1/users/alice/export"


def parse(text: str) -> list[dict[str, Any]]:
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


async def lines(api: Api) -> list[dict[str, Any]]:
    answer = await api.ask("GET", PATH, "users")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    return parse(answer.text)


async def test_everything_is_there_in_order(api: Api) -> None:
    profile = (await api.ask("PUT", "/v1/users/alice", json={"locale": "en"})).json()
    await make(api, "news", "alice")
    first, second = [await api.published(title=title) for title in ("one", "two")]
    page = await api.inbox()
    exported = await lines(api)

    assert exported[0] == {"type": "user", **profile}
    assert exported[1] == {"type": "topic", "id": "news"}
    assert exported[2:4] == [{"type": "item", **item} for item in page["items"]]
    assert [(each["type"], each["seq"]) for each in exported[4:6]] == [("entry", 1), ("entry", 2)]
    assert [each["item"]["notification"] for each in exported[4:6]] == [first, second]
    stands = {name: page[name] for name in ("epoch", "seq", "counts")}
    assert exported[6:] == [{"type": "end", "complete": True, **stands}]


async def test_archived_items_are_there_too(api: Api) -> None:
    await api.published()
    item = (await api.inbox())["items"][0]["id"]
    await api.http.post("/v1/inbox/archive", json={"ids": [item]}, headers=api.user("alice"))

    assert [each["id"] for each in await lines(api) if each["type"] == "item"] == [item]


async def test_many_items_come_page_by_page_and_none_twice(api: Api) -> None:
    for _ in range(210):
        await api.published()
    exported = await lines(api)

    assert [each["seq"] for each in exported if each["type"] == "item"] == list(range(210, 0, -1))
    assert [each["seq"] for each in exported if each["type"] == "entry"] == list(range(1, 211))


async def test_of_somebody_unknown_there_is_nothing(api: Api) -> None:
    (end,) = await lines(api)

    assert (end["type"], end["complete"], end["seq"]) == ("end", True, 0)


async def test_another_tenants_user_is_somebody_unknown(api: Api) -> None:
    await api.published(tenant="other")

    assert [each["type"] for each in await lines(api)] == ["end"]


async def test_after_an_erasure_only_what_came_since_is_there(api: Api) -> None:
    await api.published(title="old")
    await api.ask("DELETE", "/v1/users/alice")
    await api.published(title="new")
    exported = await lines(api)

    assert [each["type"] for each in exported] == ["item", "entry", "end"]
    assert "old" not in json.dumps(exported)


async def test_a_user_erased_meanwhile_ends_the_export_as_not_complete(api: Api) -> None:
    for _ in range(3):
        await api.published()
    parts = await export(api.app.store, "default", "alice")
    read = [await anext(parts), await anext(parts)]
    await api.ask("DELETE", "/v1/users/alice")
    read += [part async for part in parts]
    end = parse(b"".join(read).decode())[-1]

    assert (end["type"], end["complete"], end["code"]) == ("end", False, "stream_reset")


async def test_a_store_that_goes_away_meanwhile_does_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise Unavailable("away")

    parts = await export(api.app.store, "default", "alice")
    monkeypatch.setattr(api.app.store, "page", away)
    end = parse(b"".join([part async for part in parts]).decode())[-1]

    assert (end["complete"], end["code"]) == (False, "unavailable")


async def test_a_store_that_is_away_at_the_start_is_an_error_of_the_request(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(api.app.store, "user", away)
    answer = await api.ask("GET", PATH)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_head_does_not_run_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(type(api.app.store), "topics_of")
    answer = await api.ask("HEAD", PATH)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")


async def test_trimmed_entries_are_left_out_and_the_rest_is_whole(api: Api) -> None:
    for _ in range(12):
        await api.published()
    while await api.app.store.trim(5, 0):
        pass

    assert [each["seq"] for each in await lines(api) if each["type"] == "entry"] == [8, 9, 10, 11, 12]
