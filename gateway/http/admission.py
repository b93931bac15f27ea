"""A bound on the requests in hand: what comes beyond it is turned away at once, before its body is read."""

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.problems import problem
from inbox.errors import Unavailable


class Admission:
    """At most ``limit`` HTTP requests at a time reach ``app``. WebSockets have limits of their own."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self.in_hand = 0
        self.turned_away = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self.in_hand >= self._limit:
            self.turned_away += 1
            await problem(Unavailable("too many requests at once: try again shortly"))(scope, receive, send)
            return
        self.in_hand += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self.in_hand -= 1
