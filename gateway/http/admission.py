"""Bounds on the requests in hand: what comes beyond them is turned away at once, before its body is read."""

from collections.abc import Callable, Collection

from msgspec import Struct
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.problems import problem
from inbox.errors import Unavailable


class AdmissionStatistics(Struct, frozen=True):
    """Requests ``in_hand`` now; those ``turned_away`` since the start because of them, or ``shed`` for a slow store."""

    in_hand: int
    turned_away: int
    shed: int


class Admission:
    """At most ``limit`` HTTP requests at a time reach ``app``, and while the store is slow none that may need it.

    WebSockets have limits of their own.

    :param is_slow: whether the store is.
    :param open_paths: what answers without the store.
    """

    def __init__(self, app: ASGIApp, limit: int, is_slow: Callable[[], bool], open_paths: Collection[str]) -> None:
        self._app = app
        self._limit = limit
        self._is_slow = is_slow
        self._open_paths = frozenset(open_paths)
        self._in_hand = 0
        self._turned_away = 0
        self._shed = 0

    def statistics(self) -> AdmissionStatistics:
        return AdmissionStatistics(self._in_hand, self._turned_away, self._shed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._in_hand >= self._limit:
            self._turned_away += 1
            await problem(Unavailable("too many requests at once: try again shortly"))(scope, receive, send)
            return
        if self._is_slow() and scope["path"] not in self._open_paths:
            self._shed += 1
            await problem(Unavailable("the store is slow: try again shortly"))(scope, receive, send)
            return
        self._in_hand += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_hand -= 1
