"""Cancel, PATCH, collapse, send_at and expires_at of notifications."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx2
import pytest

from inbox.model import MarkOp
from tests.gateway.http.conftest import Api
from tests.gateway.http.test_topics import make
from tests.waiting import until

pytestmark = pytest.mark.anyio

INDIA = timezone(timedelta(hours=5, minutes=30))


def ahead(**by: float) -> str:
    return (datetime.now(UTC) + timedelta(**by)).isoformat()


async def status(api: Api, id: str) -> dict[str, Any]:
    answer = await api.ask("GET", f"/v1/notifications/{id}", "notifications:read")
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def cancel(api: Api, id: str, tenant: str = "default") -> httpx2.Response:
    return await api.ask("POST", f"/v1/notifications/{id}/cancel", "notifications:write", tenant=tenant)


async def patch(api: Api, id: str, tenant: str = "default", **members: Any) -> httpx2.Response:
    return await api.ask("PATCH", f"/v1/notifications/{id}", "notifications:write", tenant=tenant, json=members)


async def mark(api: Api, op: MarkOp) -> None:
    page = await api.inbox(status="all")
    body = {"ids": [item["id"] for item in page["items"]]}
    assert (await api.http.post(f"/v1/inbox/{op}", json=body, headers=api.user("alice"))).status_code == 200


async def test_a_cancelled_notification_leaves_the_inbox_and_its_counts(api: Api) -> None:
    id = await api.published()
    answer = await cancel(api, id)

    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    page = await api.inbox(status="all")
    assert (page["items"], page["counts"]) == ([], {"unread": 0, "unseen": 0})


async def test_cancelling_again_changes_nothing(api: Api) -> None:
    id = await api.published()
    first = await cancel(api, id)
    again = await cancel(api, id)

    assert first.json() == again.json() == await status(api, id)
    assert (await api.head()).seq == 2


async def test_a_patch_changes_what_it_names_and_nothing_else(api: Api) -> None:
    id = await api.published(body="Old", data={"a": 1}, url="/old", actor={"name": "Ana"}, priority="high")
    before = (await api.inbox())["items"][0]
    answer = await patch(api, id, title="New", body=None, actions=[{"label": "Go", "url": "/go"}])

    changed = {"title": "New", "body": None, "actions": [{"label": "Go", "url": "/go"}]}
    assert answer.status_code == 200
    assert answer.json().items() >= {**changed, "version": 2, "state": "done", "url": "/old"}.items()
    assert (await api.inbox())["items"] == [{**before, **changed, "seq": 2}]


async def test_neither_a_patch_nor_its_repetition_resets_read(api: Api) -> None:
    id = await api.published()
    await mark(api, "read")
    for _ in range(2):
        assert (await patch(api, id, title="New")).json()["version"] == 2

    page = await api.inbox()
    assert page["items"][0]["read_at"] is not None
    assert (page["counts"], page["seq"]) == ({"unread": 0, "unseen": 0}, 3)


async def test_numbers_of_data_survive_a_patch(api: Api) -> None:
    data = {"big": 2**64 - 1, "small": -(2**63), "tiny": 5e-324, "one": 1.0, "text": "\u2028é"}
    id = await api.published(data=data)
    await patch(api, id, title="New")

    assert (await api.inbox())["items"][0]["data"] == data


async def test_what_is_cancelled_cannot_be_patched(api: Api) -> None:
    id = await api.published()
    await cancel(api, id)
    answer = await patch(api, id, title="New")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await status(api, id))["title"] == "Hello"


@pytest.mark.parametrize("change", [cancel, patch])
async def test_another_tenants_notification_cannot_be_changed(api: Api, change: Any) -> None:
    id = await api.published(tenant="other")
    answer = await (cancel(api, id) if change is cancel else patch(api, id, title="New"))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await api.head(tenant="other")).seq == 1


@pytest.mark.parametrize("id", ["x", "00000000000000000000000000", "a%00", "%FF", "é", "x" * 3_000, "$where"])
async def test_an_id_that_stands_for_nothing_is_not_found(api: Api, id: str) -> None:
    for answer in (await cancel(api, id), await patch(api, id, title="New")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_later_notification_takes_over_the_unread_item(api: Api) -> None:
    for name in ("Ana", "Ben"):
        last = await api.published(collapse_key="likes", title=f"{name} likes it", actor={"name": name})

    (item,) = (await api.inbox())["items"]
    assert (item["title"], item["collapsed"], item["notification"]) == ("Ben likes it", 1, last)
    assert [actor["name"] for actor in item["actors"]] == ["Ben", "Ana"]
    assert (await status(api, last))["collapse_key"] == "likes"


async def test_what_is_sent_later_waits_and_says_so(api: Api) -> None:
    at = datetime.now(INDIA) + timedelta(days=365)
    id = await api.published(send_at=at.isoformat())
    said = await status(api, id)

    assert (said["state"], said["fanned_out"]) == ("scheduled", 0)
    assert said["send_at"] == said["created_at"] == at.astimezone(UTC).isoformat("T", "milliseconds")[:-6] + "Z"
    assert (await api.head()).seq == 0


async def test_what_is_due_comes_within_a_second(api: Api) -> None:
    due = datetime.now(UTC) + timedelta(seconds=0.5)
    await api.published(send_at=due.isoformat())

    async def came() -> bool:
        return (await api.head()).seq == 1

    await until(came)
    assert timedelta(0) <= datetime.now(UTC) - due < timedelta(seconds=1)


async def test_a_time_in_the_past_is_now(api: Api) -> None:
    id = await api.published(send_at="2001-01-01T00:00:00Z")

    assert (await api.head()).seq == 1
    assert (await status(api, id))["created_at"] > "2001-02"


async def test_a_scheduled_one_can_be_taken_back_before_anybody_sees_it(api: Api) -> None:
    id = await api.published(send_at=ahead(days=1))

    assert (await cancel(api, id)).json()["state"] == "cancelled"
    assert (await api.head()).seq == 0


async def test_a_scheduled_one_says_what_it_was_patched_to(api: Api) -> None:
    id = await api.published(send_at=ahead(seconds=3))
    assert (await patch(api, id, title="New")).json()["state"] == "scheduled"

    async def came() -> bool:
        return [item["title"] for item in (await api.inbox())["items"]] == ["New"]

    await until(came)


async def test_what_expires_leaves_the_inbox_by_itself(api: Api) -> None:
    id = await api.published(expires_at=ahead(seconds=3))
    assert (await api.inbox())["items"][0]["expires_at"] == (await status(api, id))["expires_at"]

    async def left() -> bool:
        counts: dict[str, int] = (await api.inbox())["counts"]
        return counts == {"unread": 0, "unseen": 0}

    await until(left)
    assert (await status(api, id))["state"] == "expired"
    assert (await patch(api, id, title="New")).json()["code"] == "conflict"


async def test_what_does_not_say_expires_after_the_time_items_are_kept(api: Api) -> None:
    said = await status(api, await api.published(send_at=ahead(days=10)))
    kept = datetime.fromisoformat(said["expires_at"]) - datetime.fromisoformat(said["send_at"])

    assert kept == timedelta(seconds=api.settings.item_keep_s)


async def test_the_same_times_in_another_offset_are_the_same_body(api: Api) -> None:
    at = datetime.now(UTC) + timedelta(days=1)
    answers = [
        await api.publish(idempotency_key="k", send_at=each.isoformat(), expires_at=(each + timedelta(1)).isoformat())
        for each in (at, at.astimezone(INDIA))
    ]

    assert answers[0].status_code == 202
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    "other",
    [
        {"topic": "news"},
        {"recipients": ["bob"]},
        {"collapse_key": "other"},
        {"send_at": "2001-01-01T00:00:00Z"},
        {"expires_at": "2999-01-01T00:00:01Z"},
    ],
)
async def test_every_new_field_makes_another_body_for_the_same_key(api: Api, other: dict[str, Any]) -> None:
    await make(api, "news")
    first = await api.published(idempotency_key="k", expires_at="2999-01-01T00:00:00Z")
    answer = await api.publish(idempotency_key="k", **{"expires_at": "2999-01-01T00:00:00Z", **other})

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert first in answer.json()["detail"]
