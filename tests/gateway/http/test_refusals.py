"""Every refusal that the reference promises can be had, and is as it says: status, media type, headers, schema."""

from collections.abc import Callable
from typing import Any

import httpx2
import jsonschema_rs
import pytest

from gateway.auth.clients import SCOPES
from gateway.http.openapi import describe
from gateway.http.operation import Operation
from gateway.settings import LIMITS
from tests.gateway.http.conftest import Api
from tests.gateway.http.operations import OPERATIONS

pytestmark = pytest.mark.anyio

DOCUMENT = describe(OPERATIONS)
GUARDED = [each for each in OPERATIONS if each.security not in ("client", "none")]
Options = dict[str, Any]


def good(api: Api, operation: Operation) -> dict[str, str]:
    return api.user("alice") if operation.security == "user" else api.backend(operation.security)


def other_scopes(api: Api, operation: Operation) -> dict[str, str]:
    return api.backend(*(set(SCOPES) - {operation.security}))


WRONG: dict[str, Callable[[Api, Operation], Options]] = {
    "unauthorized": lambda api, operation: {},
    "token_expired": lambda api, operation: {"headers": api.user("alice", ttl_s=-3_600)},
    "forbidden": lambda api, operation: {"headers": other_scopes(api, operation)},
    "invalid": lambda api, operation: {"headers": good(api, operation), "params": {"stranger": 1}},
    "bad_json": lambda api, operation: {"headers": good(api, operation), "content": b"{"},
    "unsupported_media_type": lambda api, operation: {
        "headers": {**good(api, operation), "content-type": "text/plain"},
        "content": b"{}",
    },
    "too_large": lambda api, operation: {
        "headers": good(api, operation),
        "content": b" " * (LIMITS.request_bytes + 1),
    },
}


def promised(code: str) -> list[Operation]:
    """Who promises ``code`` (a backend's token is not expired here: its 401 is the one without a token)."""
    users_only = code == "token_expired"
    return [each for each in GUARDED if code in each.all_errors() and not (users_only and each.is_for_backends)]


def documented(operation: Operation, answer: httpx2.Response) -> Any:
    """The JSON of ``answer``, if its status, headers, media type and schema are those of the document."""
    said = DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"][str(answer.status_code)]
    components = {"components": DOCUMENT["components"]}
    for name, reference in said.get("headers", {}).items():
        header = DOCUMENT["components"]["headers"][reference["$ref"].rpartition("/")[2]]["schema"]
        value = int(answer.headers[name]) if header["type"] == "integer" else answer.headers[name]
        jsonschema_rs.validate(header, value)
    schema = said["content"][answer.headers["content-type"]]["schema"]
    jsonschema_rs.validate({**schema, **components}, answer.json())
    return answer.json()


@pytest.mark.parametrize("code", WRONG)
async def test_a_refusal_is_as_the_reference_says(api: Api, code: str) -> None:
    for operation in promised(code):
        path = operation.path.replace("{id}", "alice").replace("{topic}", "room")
        answer = await api.http.request(operation.method, path, **WRONG[code](api, operation))
        assert documented(operation, answer)["code"] == code, operation.id
