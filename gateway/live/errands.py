"""What a session asks for that may take time: joining, marking, renewing its token. Each is one short task, if any."""

from typing import Protocol

import structlog

from gateway.auth.tokens import UserClaims
from gateway.http.limits import RequestLimits
from gateway.live import wire
from gateway.live.codes import CloseCode
from gateway.live.session import Apply, Join, Renew
from gateway.live.streams import Streams
from gateway.live.tasks import Tasks
from gateway.live.websocket import WebSocket
from inbox.errors import BellwireError, TokenExpired, Unauthorized, Unavailable
from inbox.ids import stream_key
from inbox.service import Inbox

log = structlog.get_logger()

Errand = Join | Apply | Renew


class UserVerifier(Protocol):
    """Who checks user tokens."""

    async def verify(self, token: str) -> UserClaims:
        """Who ``token`` speaks for.

        :raises Unauthorized: it does not verify (``TokenExpired``: it did until its time was over).
        :raises Unavailable: it cannot be verified now.
        """
        ...

    def verify_at_once(self, token: str) -> UserClaims | None:
        """What ``verify`` would answer or raise; ``None`` if it may have to wait for somebody."""
        ...


class Errands:
    """Does them. A session has one token and a bounded number of marks under way, so tasks are bounded too."""

    def __init__(self, inbox: Inbox, verifier: UserVerifier, streams: Streams, limits: RequestLimits) -> None:
        self._inbox = inbox
        self._verifier = verifier
        self._streams = streams
        self._limits = limits
        self._tasks = Tasks()

    def begin(self, connection: WebSocket, errand: Errand) -> None:
        """Do ``errand``: a hello here and now, mostly, since the keys of most tokens are at hand."""
        try:
            if not isinstance(errand, Join) or not self._join_at_once(connection, errand):
                self._tasks.begin(self._do(connection, errand))
        except Exception as failure:
            _fail(connection, errand, failure)

    async def close(self) -> None:
        await self._tasks.close()

    async def _do(self, connection: WebSocket, errand: Errand) -> None:
        try:
            match errand:
                case Join():
                    await self._join(connection, errand)
                case Renew():
                    await self._renew(connection, errand)
                case Apply():
                    await self._apply(connection, errand)
        except Exception as failure:
            _fail(connection, errand, failure)

    def _join_at_once(self, connection: WebSocket, join: Join) -> bool:
        claims = self._verifier.verify_at_once(join.hello.token)
        if claims is not None:
            self._joined(connection, join, claims)
        return claims is not None

    async def _join(self, connection: WebSocket, join: Join) -> None:
        try:
            claims = await self._verifier.verify(join.hello.token)
        except Unavailable:
            connection.dismiss(CloseCode.CANNOT_VERIFY, "tokens cannot be verified now")
            return
        if not connection.is_closing:
            self._joined(connection, join, claims)

    def _joined(self, connection: WebSocket, join: Join, claims: UserClaims) -> None:
        connection.session.claims = claims
        self._streams.join(connection, stream_key(claims.tenant, claims.user), join.hello.cursor)

    async def _renew(self, connection: WebSocket, renew: Renew) -> None:
        try:
            claims = await self._verifier.verify(renew.token)
        except Unavailable as failure:
            # The token in use is still good.
            connection.say(wire.error_of(renew.op, failure))
            return
        finally:
            connection.session.renew_done()
        for effect in connection.session.renewed(claims, renew.op):
            connection.perform(effect)
        connection.look_soon()

    async def _apply(self, connection: WebSocket, apply: Apply) -> None:
        claims = connection.session.claims
        if claims is None:
            return
        try:
            with self._limits.counted(stream_key(claims.tenant, claims.user)):
                done = await self._inbox.mark(claims.tenant, claims.user, apply.mark)
            if apply.op is not None:
                connection.say(wire.marked_reply(apply.op, done))
        except BellwireError as failure:
            connection.say(wire.error_of(apply.op, failure))
        finally:
            connection.session.mark_done()


def _fail(connection: WebSocket, errand: Errand, failure: Exception) -> None:
    """End ``connection``: its token is no good, or something happened that should not have."""
    match failure:
        case TokenExpired():
            connection.close(CloseCode.TOKEN_EXPIRED, str(failure))
        case Unauthorized():
            connection.close(CloseCode.BAD_TOKEN, str(failure))
        case _:
            log.error("errand_failed", errand=type(errand).__name__, exc_info=failure)
            connection.dismiss(CloseCode.CANNOT_VERIFY, "something went wrong")
