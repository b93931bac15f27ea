"""What an operation may answer, as OpenAPI has it: statuses, media types, headers, links."""

import re
from collections.abc import Sequence
from typing import Any

from msgspec.structs import fields

from gateway.http.examples import EXAMPLES
from gateway.http.operation import Operation
from gateway.http.problems import MEDIA_TYPE, STATUS
from gateway.live.events import MEDIA_TYPE as EVENT_STREAM
from gateway.marks import MarkBody

_INTEGER = {"type": "integer", "minimum": 1}
HEADERS: dict[str, Any] = {
    "RateLimit": {
        "description": "What is left of the client's or user's requests, and in how many seconds all of them are again "
        "(draft-ietf-httpapi-ratelimit-headers)",
        "required": True,
        "schema": {"type": "string", "pattern": r'^"(client|user)";r=\d+;t=\d+$'},
    },
    "RateLimit-Policy": {
        "description": "How many requests a client or a user may make at once, and the seconds they are granted over",
        "required": True,
        "schema": {"type": "string", "pattern": r'^"(client|user)";q=\d+;w=\d+$'},
    },
    "Retry-After": {"description": "Seconds until it is worth trying again", "required": True, "schema": _INTEGER},
    "WWW-Authenticate": {
        "description": "What is expected (RFC 6750, RFC 7617)",
        "required": True,
        "schema": {"type": "string", "pattern": "^(Bearer|Basic)"},
    },
}
_MEMBER = {"topic": "id", "since": "seq", "upto": "seq"}
"""Which member of an answer a parameter is, where they are named differently."""
_LIMITED = ("RateLimit", "RateLimit-Policy")
_HEADERS_OF = {401: ("WWW-Authenticate",), 403: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
_BEFORE_THE_GATE = (400, 401, 408, 413, 415, 431, 503)
"""Where nobody is known yet, or may not be: no promise of limits."""


def answers(operation: Operation, links: Sequence[Operation]) -> dict[str, Any]:
    """The responses of ``operation``; ``links`` follow the good one."""
    by_status: dict[int, list[str]] = {}
    for code in operation.all_errors():
        by_status.setdefault(STATUS[code][0], []).append(code)
    good = {str(operation.status): _good(operation, links)}
    bad = {str(status): _problem(operation, status, codes) for status, codes in by_status.items()}
    said = bad | (_OAUTH if operation.security == "client" else {})
    return good | dict(sorted(said.items()))


def _good(operation: Operation, links: Sequence[Operation]) -> dict[str, Any]:
    answer, example = operation.answer, EXAMPLES[operation.id].answer
    described: dict[str, Any] = {"description": operation.summary}
    if isinstance(answer, str):
        described["content"] = {answer: {"schema": {"type": "string"}, "example": example}}
    elif answer is not None:
        described["content"] = {"application/json": {"schema": _ref(answer.__name__), "example": example}}
    if operation.is_limited and operation.answer != EVENT_STREAM:
        described["headers"] = _headers(_LIMITED)
    if links:
        described["links"] = {each.id: _link(each) for each in links}
    return described


def _link(operation: Operation) -> dict[str, Any]:
    """How to follow up: what must be given is a member of the answer. A mark reaches up to where it stands."""
    names = re.findall(r"\{(\w+)\}", operation.path)
    if operation.query is not None:
        names += [each.name for each in fields(operation.query) if each.required]
    body = {"requestBody": _given(("upto", "epoch"))} if operation.body is MarkBody else {}
    return {"operationId": operation.id, "parameters": _given(names), **body}


def _given(names: Sequence[str]) -> dict[str, str]:
    return {name: f"$response.body#/{_MEMBER.get(name, name)}" for name in names}


def _problem(operation: Operation, status: int, codes: Sequence[str]) -> dict[str, Any]:
    names: tuple[str, ...] = _HEADERS_OF.get(status, ())
    if operation.is_limited and status not in _BEFORE_THE_GATE:
        names += _LIMITED
    schema = {
        "allOf": [_ref("Problem")],
        "properties": {"status": {"const": status}, "code": {"enum": list(codes)}},
        **({"required": ["errors"]} if status == 422 else {}),
    }
    described: dict[str, Any] = {
        "description": ". ".join(f"`{code}`: {STATUS[code][1]}" for code in codes),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }
    return described | ({"headers": _headers(names)} if names else {})


def _headers(names: Sequence[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_OAUTH = {
    "400": {
        "description": "An error of RFC 6749, section 5.2; or `bad_request`",
        "content": {
            "application/json": {"schema": _ref("OAuthProblem")},
            MEDIA_TYPE: {"schema": _ref("Problem")},
        },
    },
    "401": {
        "description": "`invalid_client`",
        "headers": _headers(("WWW-Authenticate",)),
        "content": {"application/json": {"schema": _ref("OAuthProblem")}},
    },
}
