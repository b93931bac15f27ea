"""Every HTTP route of every role, with what its reference says: the router and ``/openapi.json`` read this table."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from gateway.http import views
from gateway.http.endpoint import Handler
from gateway.http.inbox import ChangesQuery, PageQuery, UserInbox
from gateway.http.oauth import OAuth
from gateway.http.ops import Ops
from gateway.http.publish import NewNotification, Notifications
from gateway.http.users import NewToken, Users
from gateway.marks import MARK_OPS, MarkBody

Security = Literal["user", "notifications:write", "notifications:read", "users", "client", "none"]


class Operation(Struct, frozen=True, kw_only=True):
    """What one method does on one path. ``answer`` is a Struct, or the media type of something that is not JSON."""

    method: str
    path: str
    handler: Handler
    summary: str
    security: Security
    answer: type[Struct] | str
    status: int = 200
    query: type[Struct] | None = None
    body: type[Struct] | None = None
    errors: tuple[str, ...] = ()
    audited: bool = False
    """An administrative act: done or not, it is a line in the audit."""

    @property
    def operation_id(self) -> str:
        words = self.path.replace("{", "").replace("}", "").strip("/").split("/")
        return "_".join([self.method.lower(), *words]).replace(".", "_")

    def all_errors(self) -> tuple[str, ...]:
        """The codes of ``errors`` and those that every route of this kind may answer with."""
        if self.security in ("none", "client"):
            return (*self.errors, "unavailable")
        backend = () if self.security == "user" else ("forbidden", "rate_limited")
        return ("unauthorized", "token_expired", *backend, *self.errors, "unavailable")


def backend_routes(oauth: OAuth, notifications: Notifications, users: Users) -> list[Operation]:
    """What a backend's token opens, and how to get one."""
    return [
        Operation(
            method="POST",
            path="/v1/notifications",
            handler=notifications.publish,
            summary="Publish a notification to up to 1,000 users",
            security="notifications:write",
            body=NewNotification,
            status=202,
            answer=views.Published,
            errors=("bad_json", "idempotency_conflict", "too_large", "unsupported_media_type", "invalid"),
        ),
        Operation(
            method="GET",
            path="/v1/notifications/{id}",
            handler=notifications.get,
            summary="How far a notification is",
            security="notifications:read",
            answer=views.NotificationStatus,
            errors=("not_found", "invalid"),
        ),
        Operation(
            method="POST",
            path="/v1/users/{id}/tokens",
            handler=users.new_token,
            summary="A token for one of your users",
            security="users",
            body=NewToken,
            audited=True,
            answer=views.UserToken,
            errors=("bad_json", "too_large", "unsupported_media_type", "invalid"),
        ),
        Operation(
            method="POST",
            path="/oauth/token",
            handler=oauth.token,
            summary="An access token for a backend (client credentials)",
            security="client",
            answer=views.AccessToken,
            errors=("rate_limited",),
        ),
    ]


def user_routes(inbox: UserInbox) -> list[Operation]:
    """What a user's token opens."""
    marks = [
        Operation(
            method="POST",
            path=f"/v1/inbox/{op}",
            handler=inbox.mark(op),
            summary=f"Mark items: {op}",
            security="user",
            body=MarkBody,
            answer=views.Marked,
            errors=("bad_json", "not_found", "stream_reset", "too_large", "unsupported_media_type", "invalid"),
        )
        for op in MARK_OPS
    ]
    return [
        Operation(
            method="GET",
            path="/v1/inbox",
            handler=inbox.page,
            summary="A page of the inbox, newest on top",
            security="user",
            query=PageQuery,
            answer=views.Page,
            errors=("invalid",),
        ),
        Operation(
            method="GET",
            path="/v1/inbox/changes",
            handler=inbox.changes,
            summary="The entries after a cursor",
            security="user",
            query=ChangesQuery,
            answer=views.Changes,
            errors=("stream_reset", "invalid"),
        ),
        Operation(
            method="GET",
            path="/v1/inbox/counts",
            handler=inbox.counts,
            summary="Where the stream stands and what the badge says",
            security="user",
            answer=views.Standing,
            errors=("invalid",),
        ),
        *marks,
    ]


def ops_routes(ops: Ops) -> list[Operation]:
    """What every process answers about itself."""

    def route(path: str, handler: Handler, summary: str, answer: type[Struct] | str = views.Health) -> Operation:
        return Operation(method="GET", path=path, handler=handler, summary=summary, security="none", answer=answer)

    return [
        route("/healthz", ops.healthz, "The process is alive"),
        route("/readyz", ops.readyz, "The process can take requests"),
        route("/metrics", ops.metrics, "Counters for Prometheus", "text/plain"),
    ]


def by_path(operations: Iterable[Operation]) -> dict[str, dict[str, Operation]]:
    """The operations of each path by method."""
    table: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        table.setdefault(operation.path, {})[operation.method] = operation
    return table
