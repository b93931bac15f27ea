"""A path and what answers on it: handlers by method, errors as problems, every answer counted, acts audited."""

import time
from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.audit import audit
from gateway.http.problems import PRIVATE, plain, problem
from gateway.http.visit import visit_of
from gateway.metrics import RequestMetrics
from inbox.errors import BellwireError

log = structlog.get_logger()

Handler = Callable[[Request], Awaitable[Response]]

DENIALS = frozenset({"unauthorized", "token_expired", "forbidden", "not_found"})


def json_answer(body: bytes, status: int = 200) -> Response:
    """``body`` as a private JSON answer: never cached, never sniffed."""
    return Response(body, status, PRIVATE, "application/json")


class Endpoint:
    """The ASGI app behind one path. A handler returns its answer or raises what the domain raises.

    :param audited: the methods that are administrative acts. What is denied to a backend is audited with any method.
    """

    def __init__(
        self,
        path: str,
        handlers: Mapping[str, Handler],
        metrics: RequestMetrics,
        audited: frozenset[str] = frozenset(),
    ) -> None:
        self._path = path
        self._audited = audited
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self._allow = ", ".join(sorted(self._handlers))
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        request = Request(scope, receive)
        visit = visit_of(request)
        try:
            response = await self._answer(request)
            response.raw_headers += visit.headers()
            await response(scope, receive, send)
        except ClientDisconnect:
            return
        finally:
            visit.end()
        self._metrics.count(self._path, scope["method"], response.status_code, time.perf_counter() - began)

    async def _answer(self, request: Request) -> Response:
        handler = self._handlers.get(request.method)
        if handler is None:
            return plain("method_not_allowed", f"expected one of {self._allow}", {"allow": self._allow})
        try:
            response = await handler(request)
        except BellwireError as error:
            self._audit(request, error.code)
            return problem(error)
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("request_failed", method=request.method, path=self._path)
            self._audit(request, "internal")
            return plain("internal", "something is wrong on our side; it has been logged")
        self._audit(request, "ok")
        return response

    def _audit(self, request: Request, outcome: str) -> None:
        visit = visit_of(request)
        if not (visit.client or visit.user) or not (outcome in DENIALS or request.method in self._audited):
            return
        act = f"{request.method} {self._path}"
        target = "/".join(request.path_params.values())
        audit(act, outcome, tenant=visit.tenant, client=visit.client, user=visit.user, target=target)


class Nowhere:
    """What answers on every path that nothing else answers on; counted like the others, under one name."""

    def __init__(self, metrics: RequestMetrics) -> None:
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        await plain("not_found", "nothing answers on this path")(scope, receive, send)
        self._metrics.count("unknown", scope.get("method", "GET"), 404, time.perf_counter() - began)
