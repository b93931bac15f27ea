"""Every example of the reference is executed, and the reference is true to its own schemas."""

import json
from typing import Any

import httpx2
import jsonschema_rs
import pytest

from gateway.auth.clients import SCOPES, new_client
from gateway.http.examples import EXAMPLES, Example
from gateway.http.openapi import describe
from gateway.http.operation import Operation
from gateway.live.hub import Hub
from inbox.ids import item_id, new_id, stream_key
from tests.docs.protocol import shape
from tests.gateway.http.conftest import Api
from tests.gateway.http.operations import LIVE, OPERATIONS

pytestmark = pytest.mark.anyio

BY_ID = {each.id: each for each in OPERATIONS}
DOCUMENT = describe(OPERATIONS)
NAMED = EXAMPLES["get_notification"].path
ITEM = EXAMPLES["read_items"].body["ids"][0]
EPOCH = EXAMPLES["get_changes"].query["epoch"]


def at(operation: Operation) -> dict[str, Any]:
    """What the document says of ``operation``."""
    said: dict[str, Any] = DOCUMENT["paths"][operation.path][operation.method.lower()]
    return said


def validator(schema: Any) -> Any:
    return jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]}, validate_formats=True)


def contents(operation: Operation) -> list[tuple[Any, Any]]:
    """Each schema of ``operation`` that has an example, with it: of the request, of the good answer, of parameters."""
    said = at(operation)
    places = [*said.get("requestBody", {}).get("content", {}).values(), *said["parameters"]]
    places += said["responses"][str(operation.status)].get("content", {}).values()
    return [(place["schema"], place["example"]) for place in places if "example" in place]


def test_every_operation_has_an_example_and_no_example_is_left_over() -> None:
    assert EXAMPLES.keys() == BY_ID.keys()
    for operation in OPERATIONS:
        example = EXAMPLES[operation.id]
        assert (example.body is None) == (operation.body is None and operation.security != "client"), operation.id
        assert (example.answer is None) == (operation.answer is None), operation.id
        assert bool(example.path) == ("{" in operation.path), operation.id


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.id)
def test_an_example_fits_the_schema_that_it_stands_beside(operation: Operation) -> None:
    for schema, example in contents(operation):
        validator(schema).validate(example)


class Story:
    """The examples in their order, told by one backend and one user: ids that are made on the way are put in."""

    def __init__(self, api: Api, credentials: tuple[str, str]) -> None:
        self._api = api
        self._credentials = credentials
        self._real: dict[str, str] = {}

    async def tell(self, operation: Operation, example: Example) -> httpx2.Response:
        options: dict[str, Any] = {"headers": self._headers(operation), "params": self._put(example.query)}
        if operation.security == "client":
            options |= {"data": example.body, "auth": self._credentials, "headers": {}}
        elif example.body is not None:
            options["json"] = self._put(example.body)
        path = operation.path.replace("{id}", "{}").replace("{topic}", "{}").format(self._put(example.path))
        answer = await self._api.http.request(operation.method, path, **options)
        if operation.id == "publish_notification":
            self._learn(answer.json()["id"], (await self._api.head()).epoch)
        return answer

    def _learn(self, notification: str, epoch: str) -> None:
        item = item_id(stream_key("default", "alice"), notification)
        self._real = {ITEM: item, NAMED: notification, EPOCH: epoch}

    def _headers(self, operation: Operation) -> dict[str, str]:
        if operation.security == "user":
            return self._api.user("alice")
        return self._api.backend(operation.security) if operation.is_for_backends else {}

    def _put(self, value: Any) -> Any:
        text = json.dumps(value)
        for shown, real in self._real.items():
            text = text.replace(shown, real)
        return json.loads(text)


async def test_every_example_is_answered_as_it_says(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody is connected here.
    monkeypatch.setattr(Hub, "sessions", lambda hub, stream: [new_id()])
    client, secret = new_client("default", "backend", SCOPES)
    await api.app.store.put_client(client)
    story = Story(api, (client.id, secret))
    for id, example in EXAMPLES.items():
        operation = BY_ID[id]
        if operation in LIVE:
            continue
        answer = await story.tell(operation, example)
        assert answer.status_code == operation.status, f"{id}: {answer.text}"
        said = at(operation)["responses"][str(operation.status)]
        for name, header in said.get("headers", {}).items():
            known = DOCUMENT["components"]["headers"][header["$ref"].rpartition("/")[2]]
            validator(known["schema"]).validate(answer.headers[name])
        for kind, content in said.get("content", {}).items():
            assert answer.headers["content-type"].partition(";")[0] == kind
            if kind == "application/json":
                validator(content["schema"]).validate(answer.json())
                assert shape(answer.json()) == shape(example.answer), id
