"""One tenant's client against another's things, over every backend route that has an id in its path."""

import re
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from gateway.http.operation import Operation
from tests.gateway.http.conftest import Api
from tests.gateway.http.operations import BACKEND

pytestmark = pytest.mark.anyio

OWNER, STRANGER = "acme", "default"
IDS = {"users": "alice", "topics": "news"}

BODIES: dict[str, Any] = {
    "PATCH /v1/notifications/{id}": {"title": "taken over"},
    "POST /v1/topics/{topic}/members": {"add": ["mallory"], "remove": ["alice"]},
    "POST /v1/topics/{topic}/signals": {"data": {}},
}
OF_ONES_OWN = {
    "GET /v1/users/{id}/topics": "a user of the client's own tenant may be in none",
    "GET /v1/users/{id}/export": "everything there is of such a user may be nothing",
    "POST /v1/users/{id}/tokens": "a token opens the inbox of a user of the client's own tenant",
    "GET /v1/users/{id}/sessions": "a user of the client's own tenant may have none",
    "DELETE /v1/users/{id}/sessions": "ends those of a user of the client's own tenant",
    "PUT /v1/users/{id}": "makes a user of the client's own tenant",
    "DELETE /v1/users/{id}": "erases a user of the client's own tenant, if there is one",
    "PUT /v1/topics/{topic}": "makes a topic of the client's own tenant",
    "POST /v1/topics/{topic}/signals": "reaches whoever listens to the client's own tenant",
}
"""Where a name of somebody else's is as good as any other: the act is within the client's own tenant."""


def name(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


WITH_ID = [each for each in BACKEND if "{" in each.path]
CROSSING = [each for each in WITH_ID if name(each) not in OF_ONES_OWN]


class World:
    """What the owner has: a notification, a user, a topic with that user in it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.ids = dict(IDS)

    async def fill(self) -> "World":
        await self._as_owner("PUT", "/v1/users/alice", {"data": {"plan": "gold"}})
        await self._as_owner("PUT", "/v1/topics/news", {"description": "All of it"})
        await self._as_owner("POST", "/v1/topics/news/members", {"add": ["alice"]})
        self.ids["notifications"] = await self.api.published(tenant=OWNER, recipients=["alice"])
        return self

    async def _as_owner(self, method: str, path: str, body: Any) -> None:
        answer = await self.api.http.request(method, path, json=body, headers=self.api.backend(tenant=OWNER))
        assert answer.status_code in (200, 204), f"{method} {path}: {answer.text}"

    async def ask(self, operation: Operation, headers: dict[str, str]) -> httpx2.Response:
        kind = operation.path.split("/")[2]
        path = re.sub(r"\{\w+\}", self.ids[kind], operation.path)
        body = BODIES.get(name(operation), {})
        return await self.api.http.request(
            operation.method, path, json=None if operation.method == "GET" else body, headers=headers
        )

    async def seen_by_owner(self) -> list[Any]:
        """All that the owner's client can read of it, and the inbox."""
        readable = [each for each in WITH_ID if each.method == "GET"]
        answers = [await self.ask(each, self.api.backend(tenant=OWNER)) for each in readable]
        assert {each.status_code for each in answers} == {200}
        return [each.text for each in answers] + [await self.api.inbox("alice", OWNER)]


@pytest.fixture
async def world(api: Api) -> World:
    return await World(api).fill()


@pytest.mark.parametrize("operation", CROSSING, ids=name)
async def test_another_tenants_thing_is_not_found_audited_and_untouched(world: World, operation: Operation) -> None:
    before = await world.seen_by_owner()
    with capture_logs() as lines:
        answer = await world.ask(operation, world.api.backend(tenant=STRANGER))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert [(line["act"], line["tenant"], line["outcome"]) for line in lines if line["event"] == "audit"] == [
        (name(operation), STRANGER, "not_found")
    ]
    assert await world.seen_by_owner() == before


@pytest.mark.parametrize("operation", WITH_ID, ids=name)
async def test_without_the_scope_it_is_forbidden_audited_and_untouched(world: World, operation: Operation) -> None:
    before = await world.seen_by_owner()
    with capture_logs() as lines:
        answer = await world.ask(operation, world.api.backend("admin", tenant=STRANGER))

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert [(line["act"], line["outcome"]) for line in lines if line["event"] == "audit"] == [
        (name(operation), "forbidden")
    ]
    assert await world.seen_by_owner() == before


@pytest.mark.parametrize("operation", [each for each in WITH_ID if name(each) in OF_ONES_OWN], ids=name)
async def test_what_one_does_under_the_same_name_is_in_ones_own_tenant(world: World, operation: Operation) -> None:
    before = await world.seen_by_owner()
    answer = await world.ask(operation, world.api.backend(tenant=STRANGER))

    assert answer.status_code < 300
    assert [secret for secret in (world.ids["notifications"], "gold", "All of it") if secret in answer.text] == []
    assert await world.seen_by_owner() == before
