"""A bound on the requests in hand: what comes beyond it is turned away at once, before its body is read."""

from msgspec import Struct
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.problems import problem
from inbox.errors import Unavailable


class AdmissionStatistics(Struct, frozen=True):
    """Requests ``in_hand`` now, and those turned away since the start."""

    in_hand: int
    turned_away: int


class Admission:
    """At most ``limit`` HTTP requests at a time reach ``app``. WebSockets have limits of their own."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._in_hand = 0
        self._turned_away = 0

    def statistics(self) -> AdmissionStatistics:
        return AdmissionStatistics(self._in_hand, self._turned_away)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._in_hand >= self._limit:
            self._turned_away += 1
            await problem(Unavailable("too many requests at once: try again shortly"))(scope, receive, send)
            return
        self._in_hand += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_hand -= 1
