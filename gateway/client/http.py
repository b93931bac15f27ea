"""The HTTP calls of a listening client, with the server's problems as our errors."""

import asyncio

import httpx2
import msgspec

from gateway.client.messages import ChangesPage, read_page
from inbox.errors import BellwireError, Invalid, NotFound, StreamReset, TokenExpired, Unauthorized, Unavailable
from inbox.model import Cursor

TIMEOUT_S = 15.0
PAGE_ENTRIES = 500

_BY_CODE = {kind.code: kind for kind in (NotFound, StreamReset, TokenExpired, Unauthorized, Unavailable)}


class Problem(msgspec.Struct, frozen=True):
    """An RFC 9457 problem as our servers write it."""

    code: str = ""
    detail: str = ""


async def new_http() -> httpx2.AsyncClient:
    """A pool of connections; reading the certificates we trust takes some 20 ms, so it happens in a thread."""
    return await asyncio.to_thread(httpx2.AsyncClient, timeout=TIMEOUT_S)


async def changes(http: httpx2.AsyncClient, url: str, token: str, cursor: Cursor) -> ChangesPage:
    """One page of the entries after ``cursor``.

    :raises StreamReset: the log no longer reaches back to it.
    :raises OSError: nobody answers there.
    """
    query: dict[str, str | int] = {"epoch": cursor.epoch, "since": cursor.seq, "limit": PAGE_ENTRIES}
    headers = {"authorization": f"Bearer {token}"}
    try:
        answer = await http.get(f"{url}/v1/inbox/changes", params=query, headers=headers)
    except httpx2.TransportError as error:
        raise ConnectionError(f"{url} does not answer: {str(error) or type(error).__name__}") from error
    except httpx2.InvalidURL as error:
        raise Invalid.field("url", str(error)) from None
    if not answer.is_success:
        raise refusal(answer.status_code, answer.content)
    return read_page(answer.content)


def refusal(status: int, body: bytes) -> BellwireError:
    """The error that a response outside 2xx stands for."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        problem = Problem()
    message = problem.detail or f"the server answered {status}"
    if problem.code in _BY_CODE:
        return _BY_CODE[problem.code](message)
    return Unavailable(message) if status >= 500 or status == 429 else BellwireError(message)
