"""From an answer that is no success to the error it stands for."""

from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
import msgspec

from bellwire.errors import (
    BellwireError,
    Conflict,
    Forbidden,
    IdempotencyConflict,
    Invalid,
    NotFound,
    Problem,
    RateLimited,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unreachable,
)

BY_CODE: dict[str, type[BellwireError]] = {
    "invalid": Invalid,
    "bad_json": Invalid,
    "bad_request": Invalid,
    "unsupported_media_type": Invalid,
    "too_large": TooLarge,
    "headers_too_large": TooLarge,
    "unauthorized": Unauthorized,
    "token_expired": Unauthorized,
    "invalid_client": Unauthorized,
    "forbidden": Forbidden,
    "not_found": NotFound,
    "conflict": Conflict,
    "idempotency_conflict": IdempotencyConflict,
    "rate_limited": RateLimited,
    "unavailable": Unavailable,
    "request_timeout": Unavailable,
}
_BY_STATUS: dict[int, type[BellwireError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    408: Unavailable,
    413: TooLarge,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
"""For proxies in between, which speak for themselves."""

_PROBLEM = msgspec.json.Decoder(Problem)


def refusal(answer: httpx2.Response) -> BellwireError:
    """The error that ``answer``, outside 2xx and read to its end, stands for."""
    problem = _problem(answer.content)
    code = problem.code or problem.error
    kind = BY_CODE.get(code) or _BY_STATUS.get(answer.status_code, BellwireError)
    detail = problem.detail or problem.error_description or f"the server answered {answer.status_code}"
    error = kind(detail, code=code, status=answer.status_code, retry_after_s=_retry_after_s(answer))
    # A proxy may have given up waiting, and our own 503 says: nothing happened, or soon all of it will.
    error.maybe_done = answer.status_code >= 500
    if isinstance(error, Invalid):
        error.errors = problem.errors
    if isinstance(error, IdempotencyConflict):
        error.first = problem.id
    return error


def lost(error: httpx2.RequestError) -> Unreachable:
    """The error for a request without an answer. It does not hold ``error``, which holds the request's token."""
    unreachable = Unreachable(f"{str(error) or type(error).__name__}")
    unreachable.maybe_done = not isinstance(
        error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.ProxyError
    )
    return unreachable


def _problem(body: bytes) -> Problem:
    try:
        return _PROBLEM.decode(body)
    except msgspec.MsgspecError:
        return Problem()


def _retry_after_s(answer: httpx2.Response) -> float:
    """RFC 9110, section 10.2.3: seconds or a date; 0 where neither is given."""
    given = answer.headers.get("retry-after", "")
    if given.isdecimal():
        return float(given)
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    return 0.0
