"""Listening to one inbox for as long as it takes: over disconnects, restarts and resets."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from gateway.client import http as calls
from gateway.client.backoff import Backoff
from gateway.client.cursor import Follower
from gateway.client.messages import Message
from gateway.client.session import Session
from gateway.live.codes import CloseCode
from inbox.errors import BellwireError, Invalid, NotFound, StreamReset, TokenExpired, Unauthorized, Unavailable
from inbox.model import Cursor

CONNECT_S = 10.0
FRAME_MAX_BYTES = 4 * 1024 * 1024
STAY_AWAY = range(4500, 5000)

TokenSource = Callable[[], Awaitable[str]]
"""Asked for a user token before each connect."""


async def listen(
    url: str, token_source: TokenSource, cursor: Cursor | None = None, topics: Sequence[str] = ()
) -> AsyncGenerator[Message, None]:
    """Every change of an inbox, each once and in order: the ``welcome`` of a snapshot, then entries.

    Between them the signals of ``topics``, those that come while there is a connection.

    It comes back by itself, with its cursor, whenever the connection ends; a further ``welcome`` says that the
    stream was started over, or that the client was away for longer than the log reaches. A message counts as had,
    and is acknowledged, when the next one is asked for.

    :param url: the user side of the server, ``http://host:port``.
    :param cursor: where an earlier run stopped; ``None`` begins with a snapshot.
    :raises OSError: nobody answers at ``url``, and nobody did since we began.
    :raises BellwireError: the server told us not to come back, or is ``Unavailable`` and was since we began.
    """
    follower, backoff, welcomed = Follower(cursor), Backoff(), False
    async with await calls.new_http() as http:
        while True:
            visit = Visit(url, token_source, follower, http, topics)
            async for message in visit.messages():
                yield message
            if visit.welcomed:
                welcomed = True
                backoff.reset()
            elif not welcomed and visit.failure is not None:
                raise visit.failure
            await asyncio.sleep(visit.pause_s(backoff))


class Visit:
    """One connection from connect to close. What ended it is decided here: come back, or raise."""

    def __init__(
        self,
        url: str,
        token_source: TokenSource,
        follower: Follower,
        http: httpx2.AsyncClient,
        topics: Sequence[str],
    ) -> None:
        self._url = url
        self._token_source = token_source
        self._follower = follower
        self._http = http
        self._topics = topics
        self._session: Session | None = None
        self.failure: Exception | None = None

    @property
    def welcomed(self) -> bool:
        return self._session is not None and self._session.welcomed

    def pause_s(self, backoff: Backoff) -> float:
        """Seconds to stay away before the next visit."""
        bye = None if self._session is None else self._session.bye
        return backoff.next_s() if bye is None else backoff.asked_s(bye.after, bye.spread)

    async def messages(self) -> AsyncIterator[Message]:
        """What the session brings; returns when it is worth coming back.

        :raises BellwireError: it is not.
        """
        try:
            token = await self._token_source()
            async with self._connect() as socket:
                fetch = partial(calls.changes, self._http, self._url, token)
                self._session = Session(socket, token, self._follower, fetch, self._topics)
                async for message in self._session.messages():
                    yield message
        except ConnectionClosed as closed:
            self._closed(closed)
        except StreamReset:
            self._follower.reset()
        except Unavailable as failure:
            self.failure = failure
        except OSError as failure:
            self.failure = ConnectionError(f"{self._url} does not answer: {failure}")
        except InvalidStatus as refused:
            self.failure = _handshake_failure(self._url, refused)
        except InvalidHandshake as failure:
            raise BellwireError(f"{self._url} does not speak WebSocket: {failure}") from None
        except InvalidURI:
            raise Invalid.field("url", f"expected http://host:port, got {self._url}") from None

    def _connect(self) -> connect:
        return connect(
            _socket_url(self._url),
            open_timeout=CONNECT_S,
            ping_interval=None,
            max_size=FRAME_MAX_BYTES,
            compression=None,
        )

    def _closed(self, closed: ConnectionClosed) -> None:
        code, reason = (0, "") if closed.rcvd is None else (closed.rcvd.code, closed.rcvd.reason)
        if code == CloseCode.BAD_TOKEN:
            raise Unauthorized(f"the server refused the token ({code} {reason}): get one for this server")
        if code == CloseCode.TOKEN_EXPIRED and not self.welcomed:
            raise TokenExpired("the token has expired: get a new one")
        if code in STAY_AWAY:
            raise BellwireError(f"the server closed the connection for good: {code} {reason}")
        if code == CloseCode.STREAM_RESET:
            self._follower.reset()


def _handshake_failure(url: str, refused: InvalidStatus) -> Exception:
    """:raises BellwireError: the refusal will not pass by waiting."""
    if refused.response.status_code == HTTPStatus.NOT_FOUND:
        raise NotFound(f"{url} has no live side: name the users' side with --url") from None
    error = calls.refusal(refused.response.status_code, bytes(refused.response.body or b""))
    if not error.temporary:
        raise error from None
    return error


def _socket_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise Invalid.field("url", f"expected http://host:port, got {url}")
    scheme = "wss" if parts.scheme == "https" else "ws"
    return parts._replace(scheme=scheme, path=parts.path.rstrip("/") + "/v1/ws").geturl()
