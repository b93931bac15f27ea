"""Errors on the wire: RFC 9457 problem documents with a stable ``code``."""

import math
from typing import Any

import orjson
from starlette.responses import Response

from inbox.errors import (
    BellwireError,
    Forbidden,
    IdempotencyConflict,
    Invalid,
    MissingToken,
    RateLimited,
    Unauthorized,
    Unavailable,
)

STATUS: dict[str, tuple[int, str]] = {
    "bad_json": (400, "The body is not JSON"),
    "bad_request": (400, "Not HTTP"),
    "unauthorized": (401, "No valid token"),
    "token_expired": (401, "The token has expired"),
    "forbidden": (403, "Not allowed"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "Not with this method"),
    "request_timeout": (408, "The request took too long to arrive"),
    "idempotency_conflict": (409, "The idempotency key is taken"),
    "conflict": (409, "Past the point where this can be done"),
    "stream_reset": (410, "The stream was started over"),
    "too_large": (413, "Too large"),
    "unsupported_media_type": (415, "Not application/json"),
    "invalid": (422, "A field does not fit"),
    "rate_limited": (429, "Too many requests"),
    "headers_too_large": (431, "The headers are too large"),
    "internal": (500, "Our fault"),
    "unavailable": (503, "Not now"),
}
"""``code`` → status and title, the one place that says so."""

MEDIA_TYPE = "application/problem+json"
PRIVATE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def document(code: str, detail: str, **members: Any) -> bytes:
    """A problem document as bytes."""
    status, title = STATUS[code]
    head = {"type": f"urn:bellwire:problem:{code}", "title": title, "status": status, "code": code, "detail": detail}
    return orjson.dumps(head | members)


def plain(code: str, detail: str, headers: dict[str, str] | None = None, **members: Any) -> Response:
    """A problem that no error of the domain stands for."""
    body = document(code, detail, **members)
    return Response(body, STATUS[code][0], PRIVATE | (headers or {}), MEDIA_TYPE)


def problem(error: BellwireError) -> Response:
    """The answer that ``error`` stands for."""
    members: dict[str, Any] = {}
    if error.temporary:
        members["temporary"] = True
    if isinstance(error, IdempotencyConflict):
        members["id"] = error.first
    if isinstance(error, Invalid):
        members["errors"] = [{"field": each.field, "message": each.message} for each in error.errors]
    return plain(error.code, str(error), _headers(error), **members)


def _headers(error: BellwireError) -> dict[str, str]:
    match error:
        case Unavailable() | RateLimited():
            return {"retry-after": str(max(1, math.ceil(error.retry_after_s)))}
        case Unauthorized() | Forbidden():
            return {"www-authenticate": _challenge(error)}
    return {}


def _challenge(error: Unauthorized | Forbidden) -> str:
    """RFC 6750, section 3: what was wrong with the bearer token, and nothing but the scheme when there was none."""
    match error:
        case Forbidden():
            return f'Bearer error="insufficient_scope", scope="{error.scope}"'
        case MissingToken():
            return "Bearer"
    return 'Bearer error="invalid_token"'
