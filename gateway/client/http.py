"""The HTTP calls of a client, with the server's problems as our errors."""

import asyncio
from typing import Any

import httpx2
import msgspec

from gateway.client.messages import ChangesPage, read_page
from inbox.errors import (
    BadJson,
    BellwireError,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    StreamReset,
    TokenExpired,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from inbox.model import Cursor

TIMEOUT_S = 15.0
PAGE_ENTRIES = 500

_BY_CODE = {
    kind.code: kind
    for kind in (BadJson, Forbidden, NotFound, StreamReset, TokenExpired, TooLarge, Unauthorized, Unavailable)
}


class Problem(msgspec.Struct, frozen=True):
    """An RFC 9457 problem as our servers write it."""

    code: str = ""
    detail: str = ""
    errors: tuple[dict[str, str], ...] = ()


async def new_http() -> httpx2.AsyncClient:
    """A pool of connections; reading the certificates we trust takes some 20 ms, so it happens in a thread."""
    return await asyncio.to_thread(httpx2.AsyncClient, timeout=TIMEOUT_S)


async def publish(url: str, token: str, body: dict[str, Any]) -> bytes:
    """``POST /v1/notifications`` on the backend's side at ``url``; the answer as sent.

    :raises OSError: nobody answers there.
    :raises NotFound: it is not the backend's side.
    :raises BellwireError: the server refused.
    """
    async with await new_http() as http:
        try:
            return await _ask(http, "POST", f"{url}/v1/notifications", token, json=body)
        except NotFound:
            raise NotFound(f"{url} takes no notifications: name the backend's side with --api-url") from None


async def changes(http: httpx2.AsyncClient, url: str, token: str, cursor: Cursor) -> ChangesPage:
    """One page of the entries after ``cursor``.

    :raises StreamReset: the log no longer reaches back to it.
    :raises OSError: nobody answers there.
    """
    query = {"epoch": cursor.epoch, "since": cursor.seq, "limit": PAGE_ENTRIES}
    return read_page(await _ask(http, "GET", f"{url}/v1/inbox/changes", token, params=query))


async def _ask(http: httpx2.AsyncClient, method: str, url: str, token: str, **options: Any) -> bytes:
    try:
        answer = await http.request(method, url, headers={"authorization": f"Bearer {token}"}, **options)
    except httpx2.TransportError as error:
        raise ConnectionError(f"{url} does not answer: {error or type(error).__name__}") from error
    except httpx2.InvalidURL as error:
        raise Invalid.field("url", str(error)) from None
    if answer.is_success:
        return answer.content
    raise refusal(answer.status_code, answer.content)


def refusal(status: int, body: bytes) -> BellwireError:
    """The error that a response outside 2xx stands for."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        problem = Problem()
    message = problem.detail or f"the server answered {status}"
    if problem.code == Invalid.code and problem.errors:
        return Invalid(*(FieldError(wrong.get("field", ""), wrong.get("message", "")) for wrong in problem.errors))
    if problem.code in _BY_CODE:
        return _BY_CODE[problem.code](message)
    return Unavailable(message) if status >= 500 or status == 429 else BellwireError(message)
