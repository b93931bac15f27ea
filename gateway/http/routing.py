"""From operations to what answers on each path."""

from collections.abc import Mapping, Sequence

from starlette.routing import Route

from gateway.http.docs import Docs
from gateway.http.endpoint import Endpoint
from gateway.http.openapi import Reference, describe
from gateway.http.operation import Operation, by_path
from gateway.metrics import RequestMetrics

_REFERENCE = ("/openapi.json", "/docs")


def http_routes(operations: Sequence[Operation], metrics: RequestMetrics) -> list[Route]:
    """The routes of ``operations`` and of the reference that describes them."""
    document = describe(operations)
    routes = [Route(path, _endpoint(path, methods, metrics)) for path, methods in by_path(operations).items()]
    for path, handler in zip(_REFERENCE, (Reference(document).json, Docs(document).html), strict=True):
        routes.append(Route(path, Endpoint(path, {"GET": handler}, metrics)))
    return routes


def open_paths(operations: Sequence[Operation]) -> list[str]:
    """The paths that answer without the store, or say whether it answers."""
    return [*_REFERENCE, *(each.path for each in operations if each.security == "none")]


def _endpoint(path: str, methods: Mapping[str, Operation], metrics: RequestMetrics) -> Endpoint:
    audited = frozenset(method for method, each in methods.items() if each.audited)
    return Endpoint(path, {method: each.handler for method, each in methods.items()}, metrics, audited)
