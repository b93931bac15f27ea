"""A path and what answers on it: handlers by method, errors as problems, every answer counted."""

import time
from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.http.problems import PRIVATE, plain, problem
from gateway.metrics import RequestMetrics
from inbox.errors import BellwireError

log = structlog.get_logger()

Handler = Callable[[Request], Awaitable[Response]]


def json_answer(body: bytes, status: int = 200) -> Response:
    """``body`` as a private JSON answer: never cached, never sniffed."""
    return Response(body, status, PRIVATE, "application/json")


class Endpoint:
    """The ASGI app behind one path. A handler returns its answer or raises what the domain raises."""

    def __init__(self, path: str, handlers: Mapping[str, Handler], metrics: RequestMetrics) -> None:
        self._path = path
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self._allow = ", ".join(sorted(self._handlers))
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        try:
            response = await self._answer(Request(scope, receive))
        except ClientDisconnect:
            return
        await response(scope, receive, send)
        self._metrics.count(self._path, scope["method"], response.status_code, time.perf_counter() - began)

    async def _answer(self, request: Request) -> Response:
        handler = self._handlers.get(request.method)
        if handler is None:
            return plain("method_not_allowed", f"expected one of {self._allow}", {"allow": self._allow})
        try:
            return await handler(request)
        except BellwireError as error:
            return problem(error)
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("request_failed", method=request.method, path=self._path)
            return plain("internal", "something is wrong on our side; it has been logged")
