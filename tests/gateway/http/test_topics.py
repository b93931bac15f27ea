"""/v1/topics: sets of users, and publishing to them."""

import pytest

from tests.gateway.http.conftest import Api
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def make(api: Api, topic: str, *members: str, tenant: str = "default") -> None:
    assert (await api.ask("PUT", f"/v1/topics/{topic}", tenant=tenant)).status_code == 200
    if members:
        answer = await api.ask("POST", f"/v1/topics/{topic}/members", json={"add": members}, tenant=tenant)
        assert answer.status_code == 200, answer.text


async def ids(api: Api, path: str, limit: int = 25, tenant: str = "default") -> list[str]:
    """Every id of a list, page by page."""
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        answer = await api.ask("GET", path, params={"limit": limit, **after}, tenant=tenant)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        found += [each if isinstance(each, str) else each["id"] for each in page["items"]]
        if page["next"] is None:
            return found
        after = {"after": page["next"]}


async def test_a_topic_is_made_described_and_read(api: Api) -> None:
    made = await api.ask("PUT", "/v1/topics/news", "topics")
    described = await api.ask("PUT", "/v1/topics/news", "topics", json={"description": "What is new"})
    read = await api.ask("GET", "/v1/topics/news", "topics")

    assert made.json() == {"id": "news", "description": None, "members": 0, "created_at": made.json()["created_at"]}
    assert described.json() == {**made.json(), "description": "What is new"}
    assert read.json() == described.json()


async def test_members_come_and_go_and_what_changed_is_counted(api: Api) -> None:
    await make(api, "news", "ann", "bob")
    answer = await api.ask(
        "POST", "/v1/topics/news/members", json={"add": ["bob", "cat", "cat"], "remove": ["ann", "x"]}
    )

    assert answer.json() == {"added": 1, "removed": 1}
    assert sorted(await ids(api, "/v1/topics/news/members")) == ["bob", "cat"]
    assert (await api.ask("GET", "/v1/topics/news")).json()["members"] == 2


async def test_a_thousand_members_are_added_at_once(api: Api) -> None:
    await make(api, "news", *(f"user{n}" for n in range(1_000)))

    assert len(set(await ids(api, "/v1/topics/news/members", limit=100))) == 1_000


async def test_lists_come_in_pages_and_each_thing_once(api: Api) -> None:
    topics = [f"topic{n}" for n in range(7)]
    for topic in topics:
        await make(api, topic, "ann")

    assert sorted(await ids(api, "/v1/topics", limit=3)) == topics
    assert sorted(await ids(api, "/v1/users/ann/topics", limit=2)) == topics


async def test_ids_that_differ_by_case_are_different_topics_and_members(api: Api) -> None:
    await make(api, "News", "Ann")
    await make(api, "news", "ann", "ANN")

    assert sorted(await ids(api, "/v1/topics")) == ["News", "news"]
    assert sorted(await ids(api, "/v1/topics/news/members")) == ["ANN", "ann"]


async def test_a_dropped_topic_is_gone_and_one_made_anew_begins_empty(api: Api) -> None:
    await make(api, "news", "ann")
    dropped = await api.ask("DELETE", "/v1/topics/news")

    assert (dropped.status_code, dropped.content) == (204, b"")
    assert (await api.ask("GET", "/v1/topics/news")).status_code == 404
    assert (await api.ask("DELETE", "/v1/topics/news")).status_code == 404
    await make(api, "news")
    assert await ids(api, "/v1/topics/news/members") == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/topics/news", None),
        ("DELETE", "/v1/topics/news", None),
        ("GET", "/v1/topics/news/members", None),
        ("POST", "/v1/topics/news/members", {"add": ["ann"]}),
    ],
)
async def test_another_tenants_topic_does_not_exist(api: Api, method: str, path: str, body: object) -> None:
    await make(api, "news", "bob", tenant="other")
    answer = await api.ask(method, path, json=body)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await ids(api, "/v1/topics/news/members", tenant="other") == ["bob"]


async def test_a_topics_members_get_what_is_published_to_it_once(api: Api) -> None:
    await make(api, "news", *(f"user{n}" for n in range(30)))
    answer = await api.publish(topic="news")
    said = answer.json()

    assert (answer.status_code, said["accepted"], said["duplicates"], said["rejected"]) == (202, 30, 0, [])
    await reaches(api, said["id"], 30)
    assert [(await api.head(f"user{n}")).seq for n in range(30)] == [1] * 30


async def reaches(api: Api, id: str, count: int) -> None:
    async def done() -> bool:
        found = (await api.ask("GET", f"/v1/notifications/{id}")).json()
        assert (found["topic"], found["total"]) == ("news", count)
        return bool(found["state"] == "done" and found["fanned_out"] == count)

    await until(done)


async def test_a_repeated_key_to_a_topic_gets_the_first_answer(api: Api) -> None:
    await make(api, "news", "ann")
    first = await api.publish(topic="news", idempotency_key="k")
    again = await api.publish(topic="news", idempotency_key="k")

    assert first.json() == again.json()
    await reaches(api, first.json()["id"], 1)
    assert (await api.head("ann")).seq == 1
