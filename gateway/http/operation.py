"""What one method does on one path, as data: the router and ``/openapi.json`` read the same table."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from gateway.http.endpoint import Handler

Security = Literal["user", "notifications:write", "notifications:read", "users", "topics", "client", "none"]


class Operation(Struct, frozen=True, kw_only=True):
    """What one method does on one path.

    ``answer`` is a Struct, the media type of something that is not a JSON document, or ``None``: there is no content.
    ``errors`` are the codes that its kind does not already say (see ``all_errors``). An ``audited`` one is an
    administrative act: done or not, it is a line in the audit.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    security: Security
    answer: type[Struct] | str | None
    status: int = 200
    query: type[Struct] | None = None
    body: type[Struct] | None = None
    errors: tuple[str, ...] = ()
    audited: bool = False

    @property
    def operation_id(self) -> str:
        words = self.path.replace("{", "").replace("}", "").strip("/").split("/")
        return "_".join([self.method.lower(), *words]).replace(".", "_")

    def all_errors(self) -> tuple[str, ...]:
        """The codes of ``errors`` and those that every route of this kind may answer with."""
        body = () if self.body is None else ("bad_json", "too_large", "unsupported_media_type")
        match self.security:
            case "none" | "client":
                caller: tuple[str, ...] = ()
            case "user":
                caller = ("unauthorized", "token_expired", "invalid")
            case _:
                caller = ("unauthorized", "token_expired", "forbidden", "rate_limited", "invalid")
        return (*caller, *body, *self.errors, "unavailable")


def by_path(operations: Iterable[Operation]) -> dict[str, dict[str, Operation]]:
    """The operations of each path by method."""
    table: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        table.setdefault(operation.path, {})[operation.method] = operation
    return table
