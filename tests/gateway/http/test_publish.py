"""POST /v1/notifications and GET /v1/notifications/{id}."""

from typing import Any

import pytest

from tests.gateway.http.conftest import Api

pytestmark = pytest.mark.anyio


async def test_a_published_notification_is_in_the_inbox_with_every_member(api: Api) -> None:
    given: dict[str, Any] = {
        "category": "orders",
        "title": "Order 7 shipped",
        "body": "On its way.",
        "data": {"order": 7, "nested": {"ok": [True, None, 1.5]}},
        "url": "/orders/7",
        "actions": [{"label": "Track", "url": "https://carrier.example/7"}],
        "actor": {"id": "bob", "name": "Bob", "avatar": "https://cdn.example/bob.png"},
        "priority": "high",
    }
    id = await api.published(**given)

    (item,) = (await api.inbox())["items"]
    assert item.items() >= {**given, "notification": id, "seq": 1, "collapsed": 0, "actors": [given["actor"]]}.items()
    assert item["read_at"] is item["seen_at"] is item["archived_at"] is None


async def test_recipients_and_title_are_enough(api: Api) -> None:
    await api.published(recipients=["alice"], title="Hello")

    (item,) = (await api.inbox())["items"]
    assert (item["category"], item["priority"], item["body"], item["data"]) == ("general", "normal", None, None)
    assert (item["url"], item["actions"], item["actor"], item["actors"]) == (None, [], None, [])


async def test_the_members_of_an_item_stand_in_the_documented_order(api: Api) -> None:
    await api.published()

    (item,) = (await api.inbox())["items"]
    documented = "id seq notification category title body data url actions actor priority actors collapsed created_at"
    assert " ".join(item) == f"{documented} seen_at read_at archived_at expires_at"


async def test_repeats_are_counted_and_malformed_recipients_rejected_one_by_one(api: Api) -> None:
    answer = await api.publish(recipients=["alice", "alice", "no space", "bob", "x" * 10_000, "alice"])

    assert answer.status_code == 202
    said = answer.json()
    assert (said["accepted"], said["duplicates"]) == (2, 2)
    assert [each["recipient"] for each in said["rejected"]] == ["no space", "x" * 128]
    assert {each["code"] for each in said["rejected"]} == {"invalid"}


async def test_a_thousand_recipients_are_accepted(api: Api) -> None:
    answer = await api.publish(recipients=[f"user{n}" for n in range(1_000)])

    assert answer.json()["accepted"] == 1_000
    assert (await api.head("user999")).seq == 1


async def test_a_retry_with_the_same_key_gets_the_first_answer_and_stores_nothing(api: Api) -> None:
    first = await api.publish(idempotency_key="k1")
    again = await api.publish(idempotency_key="k1")

    assert first.json() == again.json()
    assert (await api.head()).seq == 1


async def test_the_key_in_the_header_is_the_key_in_the_body(api: Api) -> None:
    body = {"title": "Hello", "recipients": ["alice"]}
    first = await api.http.post("/v1/notifications", json=body, headers={**api.backend(), "idempotency-key": "k1"})
    again = await api.publish(idempotency_key="k1")

    assert first.json() == again.json()


async def test_the_order_of_members_does_not_make_another_body(api: Api) -> None:
    first = await api.publish(idempotency_key="k1", data={"a": 1, "b": {"c": 1, "d": 2}})
    again = await api.http.post(
        "/v1/notifications",
        content=b'{"data":{"b":{"d":2,"c":1},"a":1},"idempotency_key":"k1","title":"Hello","recipients":["alice"]}',
        headers=api.backend(),
    )

    assert again.json() == first.json()


async def test_another_body_under_the_same_key_is_a_conflict_that_names_the_first(api: Api) -> None:
    id = await api.published(idempotency_key="k1")
    answer = await api.publish(idempotency_key="k1", title="Another")

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert id in answer.json()["detail"]
    assert (await api.head()).seq == 1


async def test_two_tenants_may_use_the_same_key(api: Api) -> None:
    await api.published(idempotency_key="k1")
    await api.published(tenant="other", idempotency_key="k1", title="Another")

    assert (await api.head(tenant="other")).seq == 1


async def test_the_status_of_a_notification_says_how_far_it_is(api: Api) -> None:
    id = await api.published(recipients=["alice", "bob"], category="orders")
    answer = await api.http.get(f"/v1/notifications/{id}", headers=api.backend("notifications:read"))

    said = answer.json()
    assert answer.status_code == 200
    assert (said["id"], said["state"], said["total"], said["fanned_out"]) == (id, "done", 2, 2)
    assert (said["category"], said["title"]) == ("orders", "Hello")


async def test_another_tenants_notification_does_not_exist(api: Api) -> None:
    id = await api.published()
    answer = await api.http.get(f"/v1/notifications/{id}", headers=api.backend(tenant="other"))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
