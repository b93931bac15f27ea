"""What one method does on one path, as data: the router and ``/openapi.json`` read the same table."""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from gateway.http.endpoint import Handler

Security = Literal["user", "notifications:write", "notifications:read", "users", "topics", "client", "none"]

_TAGS = {
    "/oauth": "Access",
    "/v1/notifications": "Notifications",
    "/v1/topics": "Topics",
    "/v1/users": "Users",
    "/v1/inbox": "Inbox",
    "/v1/stream": "Inbox",
}


class Operation(Struct, frozen=True, kw_only=True):
    """What one method does on one path.

    ``id`` is stable: generated clients name their methods after it. ``answer`` is a Struct, the media type of
    something that is not a JSON document, or ``None``: there is no content. ``errors`` are the codes that its kind
    does not already say (see ``all_errors``). ``links`` are the operations that take what they ask for from the
    answer. ``headers`` are optional ones that it reads, and what each says. An ``idempotent`` one takes an
    ``Idempotency-Key``. An ``audited`` one is an administrative act: done or not, it is a line in the audit.
    """

    id: str
    method: str
    path: str
    handler: Handler
    summary: str
    security: Security
    answer: type[Struct] | str | None
    status: int = 200
    query: type[Struct] | None = None
    body: type[Struct] | None = None
    body_optional: bool = False
    idempotent: bool = False
    errors: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    headers: Mapping[str, str] = {}
    audited: bool = False

    @property
    def tag(self) -> str:
        """The part of the reference that it belongs to."""
        return next((tag for path, tag in _TAGS.items() if self.path.startswith(path)), "Operations")

    @property
    def is_for_backends(self) -> bool:
        return self.security not in ("user", "client", "none")

    @property
    def is_limited(self) -> bool:
        """Whether who asks is known, and how often it did."""
        return self.security not in ("client", "none")

    def all_errors(self) -> tuple[str, ...]:
        """The codes of ``errors``, and those that every route of this kind may answer with."""
        codes = ["bad_request", "request_timeout", "headers_too_large", "unavailable", *self.errors]
        if self.is_limited:
            codes += ("unauthorized", "token_expired", "invalid", "rate_limited")
        if self.is_for_backends:
            codes.append("forbidden")
        if self.body is not None:
            codes += ("bad_json", "too_large", "unsupported_media_type")
        if "{" in self.path:
            codes.append("not_found")
        return tuple(dict.fromkeys(codes))


def by_path(operations: Iterable[Operation]) -> dict[str, dict[str, Operation]]:
    """The operations of each path by method."""
    table: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        table.setdefault(operation.path, {})[operation.method] = operation
    return table
