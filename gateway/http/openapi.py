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
from gateway.http import views
from gateway.http.endpoint import json_answer
from gateway.http.operation import Operation, by_path
from gateway.http.problems import MEDIA_TYPE, STATUS

_REF = "#/components/schemas/{name}"
_DESCRIPTION = (
    "One numbered stream per user: a backend publishes, every device has it at once, and pulls what it missed. "
    "Errors are RFC 9457 problem documents with a stable `code`."
)
_SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "user": [{"user": []}],
    "client": [{"client": []}],
    "none": [],
}
_SCHEMES = {
    "user": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A user's token"},
    "client": {"type": "http", "scheme": "basic", "description": "A backend client's id and secret"},
    "backend": {
        "type": "oauth2",
        "flows": {
            "clientCredentials": {
                "tokenUrl": "/oauth/token",
                "scopes": {
                    "notifications:write": "Publish",
                    "notifications:read": "Follow what was published",
                    "users": "Profiles, erasure, export, and tokens for users",
                    "topics": "Topics and who is in them",
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
        "client_id": {"type": "string"},
        "client_secret": {"type": "string"},
    },
}


def describe(operations: Sequence[Operation]) -> dict[str, Any]:
    """The document for ``operations``."""
    structs = {form for each in operations for form in (each.query, each.body, each.answer) if isinstance(form, type)}
    _, schemas = msgspec.json.schema_components([*structs, views.Problem], ref_template=_REF)
    paths = {
        path: {method.lower(): _operation(each) for method, each in methods.items()}
        for path, methods in by_path(operations).items()
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bellwire", "version": __version__, "description": _DESCRIPTION},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SCHEMES},
    }


class Reference:
    """Serves the document, made once."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._body = orjson.dumps(document, option=orjson.OPT_INDENT_2)

    async def json(self, request: Request) -> Response:
        return json_answer(self._body)


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": operation.operation_id,
        "security": _SECURITY.get(operation.security, [{"backend": [operation.security]}]),
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _json(operation.body)}
    if operation.security == "client":
        described["requestBody"] = {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": _GRANT}},
        }
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    text = {"type": "string"}
    found = [
        {"name": name, "in": "path", "required": True, "schema": text}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    if operation.query is not None:
        _, components = msgspec.json.schema_components([operation.query])
        schema = components[operation.query.__name__]
        found += [
            {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": member}
            for name, member in schema["properties"].items()
        ]
    return found


def _responses(operation: Operation) -> dict[str, Any]:
    answer = operation.answer
    responses: dict[str, Any] = {str(operation.status): {"description": operation.summary}}
    if answer is not None:
        content = {answer: {"schema": {"type": "string"}}} if isinstance(answer, str) else _json(answer)
        responses[str(operation.status)]["content"] = content
    by_status: dict[int, list[str]] = {}
    for code in operation.all_errors():
        by_status.setdefault(STATUS[code][0], []).append(code)
    problem = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = {"description": ", ".join(f"`{code}`" for code in codes), "content": problem}
    return responses


def _json(form: type[Struct]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(name=form.__name__)}}}
