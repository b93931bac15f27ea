"""The routes that a user's token opens, and those that are open to all. Of backends: ``backend_routes``."""

from msgspec import Struct

from gateway.http import views
from gateway.http.endpoint import Handler
from gateway.http.inbox import ChangesQuery, PageQuery, UserInbox
from gateway.http.operation import Operation
from gateway.http.ops import Ops
from gateway.http.stream import UserStream
from gateway.live import events
from gateway.live.handover import STREAM_PATH
from gateway.marks import MARK_OPS, MarkBody


def user_routes(inbox: UserInbox) -> list[Operation]:
    """What a user's token opens."""
    marks = [
        Operation(
            id=f"{op}_items",
            method="POST",
            path=f"/v1/inbox/{op}",
            handler=inbox.mark(op),
            summary=f"Mark items: {op}",
            security="user",
            body=MarkBody,
            answer=views.Marked,
            errors=("not_found", "stream_reset"),
        )
        for op in MARK_OPS
    ]
    return [
        Operation(
            id="get_inbox",
            method="GET",
            path="/v1/inbox",
            handler=inbox.page,
            summary="A page of the inbox, newest on top",
            security="user",
            query=PageQuery,
            answer=views.Page,
            links=("get_changes", *(each.id for each in marks)),
        ),
        Operation(
            id="get_changes",
            method="GET",
            path="/v1/inbox/changes",
            handler=inbox.changes,
            summary="The entries after a cursor",
            security="user",
            query=ChangesQuery,
            answer=views.Changes,
            errors=("stream_reset",),
        ),
        Operation(
            id="get_counts",
            method="GET",
            path="/v1/inbox/counts",
            handler=inbox.counts,
            summary="Where the stream stands and what the badge says",
            security="user",
            answer=views.Standing,
            links=("get_changes", *(each.id for each in marks)),
        ),
        *marks,
    ]


def stream_routes(stream: UserStream) -> list[Operation]:
    """The live side as far as it is HTTP; what a user's token opens."""
    return [
        Operation(
            id="follow_stream",
            method="GET",
            path=STREAM_PATH,
            handler=stream.follow,
            summary="The messages of a session as server-sent events, without an end",
            security="user",
            answer=events.MEDIA_TYPE,
            headers={
                events.LAST_EVENT_ID: "The id of the last event the client has: it goes on from there. "
                "Without one, it begins with a snapshot"
            },
        )
    ]


def ops_routes(ops: Ops) -> list[Operation]:
    """What every process answers about itself."""

    def route(
        id: str, path: str, handler: Handler, summary: str, answer: type[Struct] | str = views.Health
    ) -> Operation:
        return Operation(
            id=id, method="GET", path=path, handler=handler, summary=summary, security="none", answer=answer
        )

    return [
        route("get_health", "/healthz", ops.healthz, "The process is alive"),
        route("get_readiness", "/readyz", ops.readyz, "The process can take requests"),
        route("get_metrics", "/metrics", ops.metrics, "Counters for Prometheus", "text/plain"),
    ]
