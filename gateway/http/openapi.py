"""The OpenAPI 3.1 document of a process: its own routes, described by the Structs that parse them."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import orjson
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from gateway import __version__
from gateway.http.answers import HEADERS, answers
from gateway.http.endpoint import json_answer
from gateway.http.examples import EXAMPLES
from gateway.http.names import Name
from gateway.http.operation import Operation, by_path
from gateway.http.policies import described_limits
from gateway.http.problem_views import OAuthProblem, Problem
from gateway.http.publish import KEY_HEADER, Key
from gateway.settings import LIMITS

REF = "#/components/schemas/{name}"

_DESCRIPTION = (
    "One numbered stream per user: a backend publishes, every device has it at once, and pulls what it missed. "
    "Errors are RFC 9457 problem documents with a stable `code`. "
    "A path that is not here is 404 `not_found`; another method is 405 `method_not_allowed` with `Allow`. "
    "The WebSocket, `/v1/ws`, is outside this document and has a reference of its own."
)
_SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "user": [{"user": []}],
    "client": [{"client": []}, {}],
    "none": [],
}
_SCHEMES = {
    "user": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A user's token"},
    "client": {"type": "http", "scheme": "basic", "description": "A backend client's id and secret"},
    "backend": {
        "type": "oauth2",
        "description": "A backend's access token, as a bearer token",
        "flows": {
            "clientCredentials": {
                "tokenUrl": "/oauth/token",
                "scopes": {
                    "notifications:write": "Publish, change and cancel",
                    "notifications:read": "Follow what was published",
                    "users": "Profiles, erasure, export, tokens and sessions of users",
                    "topics": "Topics, who is in them, and signals",
                },
            }
        },
    },
}
_GRANT = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"const": "client_credentials"},
        "scope": {"type": "string", "description": "Space-separated; all the client has if absent"},
        "client_id": {"type": "string", "description": "Here, or by HTTP Basic"},
        "client_secret": {"type": "string"},
    },
}


def describe(operations: Sequence[Operation]) -> dict[str, Any]:
    """The document for ``operations``."""
    structs = {form for each in operations for form in (each.body, each.answer) if isinstance(form, type)}
    schemas = _schemas(*structs, Problem, OAuthProblem)
    known = {each.id: each for each in operations}
    paths = {
        path: {method.lower(): _operation(each, known) for method, each in methods.items()}
        for path, methods in by_path(operations).items()
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bellwire", "version": __version__, "description": _DESCRIPTION},
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in operations)],
        "paths": paths,
        "components": {"schemas": schemas, "headers": HEADERS, "securitySchemes": _SCHEMES},
        "x-limits": described_limits(),
    }


class Reference:
    """Serves the document, made once."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._body = orjson.dumps(document, option=orjson.OPT_INDENT_2)

    async def json(self, request: Request) -> Response:
        return json_answer(self._body)


def _operation(operation: Operation, known: dict[str, Operation]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": _SECURITY.get(operation.security, [{"backend": [operation.security]}]),
        "parameters": _parameters(operation),
        "responses": answers(operation, [known[link] for link in operation.links if link in known]),
    }
    if body := _body(operation):
        described["requestBody"] = body
    return described


def _body(operation: Operation) -> dict[str, Any] | None:
    example = EXAMPLES[operation.id].body
    size = {"description": f"At most {LIMITS.request_bytes:,} bytes", "x-max-bytes": LIMITS.request_bytes}
    if operation.security == "client":
        content: dict[str, Any] = {"application/x-www-form-urlencoded": {"schema": _GRANT, "example": example}}
    elif operation.body is None:
        return None
    else:
        schema = {"$ref": REF.format(name=operation.body.__name__)}
        content = {"application/json": {"schema": schema, "example": example}}
    return {**size, "required": not operation.body_optional, "content": content}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    example = EXAMPLES[operation.id]
    given: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(operation), "example": example.path}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    if operation.query is not None:
        schema = _schemas(operation.query)[operation.query.__name__]
        for name, member in schema["properties"].items():
            parameter = {"name": name, "in": "query", "required": name in schema["required"], "schema": _given(member)}
            shown = {"example": example.query[name]} if name in example.query else {}
            given.append(parameter | shown)
    for name, description in operation.headers.items():
        header = {"description": description, "schema": {"type": "string"}}
        given.append({"name": name, "in": "header", "required": False, **header})
    if operation.idempotent:
        key = {"description": "Makes the request safe to repeat for 24 hours. Printable ASCII", "schema": _schema(Key)}
        given.append({"name": KEY_HEADER, "in": "header", "required": False, **key})
    return given


def _path_schema(operation: Operation) -> dict[str, Any]:
    """An id of ours can be any text: what is not known is not found. Names have a grammar."""
    return {"type": "string", "minLength": 1} if operation.tag == "Notifications" else _schema(Name)


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or not; it is never null."""
    members = {name: value for name, value in schema.items() if name != "anyOf" and value is not None}
    return members | next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), {})


def _schema(kind: Any) -> dict[str, Any]:
    schema: dict[str, Any] = _portable(msgspec.json.schema(kind))
    return schema


def _schemas(*structs: type[Struct]) -> dict[str, Any]:
    """Those of ``structs``. What the members of one cannot say alone is its ``JSON_SCHEMA``."""
    _, found = msgspec.json.schema_components(structs, ref_template=REF)
    whole = {struct.__name__: getattr(struct, "JSON_SCHEMA", {}) for struct in structs}
    schemas: dict[str, Any] = _portable({name: each | whole.get(name, {}) for name, each in found.items()})
    return schemas


def _portable(schema: Any) -> Any:
    r"""Patterns as other languages have them: in ECMA 262 ``$`` is the very end, what Python calls ``\Z``.

    And descriptions as readers have them: what an error expects, the field takes.
    """
    match schema:
        case dict():
            ported = {name: _portable(value) for name, value in schema.items()}
            if isinstance(ported.get("pattern"), str):
                ported["pattern"] = ported["pattern"].replace(r"\Z", "$")
            if isinstance(ported.get("description"), str):
                ported["description"] = _prose(ported["description"])
            return ported
        case list():
            return [_portable(each) for each in schema]
    return schema


def _prose(description: str) -> str:
    text = " ".join(description.replace("``", "`").removeprefix("expected ").split())
    return text[:1].upper() + text[1:]
