"""The live sessions of a user: which there are, and ending them by making their tokens void."""

from typing import Annotated

import orjson
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from gateway.auth.revocations import Revocations
from gateway.http.access import Gate
from gateway.http.body import NoQuery, parse_query
from gateway.http.endpoint import json_answer
from gateway.http.names import path_name
from gateway.http.problems import PRIVATE
from gateway.settings import LIMITS
from inbox.bus.base import Bus
from inbox.ids import stream_key
from inbox.presence.base import LiveSession, Presence
from inbox.times import rfc3339


class EndQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which token: the one of this id, else all that the user has."""

    jti: Annotated[str, Meta(min_length=1, max_length=LIMITS.jti_characters)] | None = None


class Sessions:
    """Handlers of ``/v1/users/{id}/sessions``."""

    def __init__(self, presence: Presence, revocations: Revocations, bus: Bus, gate: Gate) -> None:
        self._presence = presence
        self._revocations = revocations
        self._bus = bus
        self._gate = gate

    async def list(self, request: Request) -> Response:
        access = await self._gate.backend(request, "users")
        parse_query(request, NoQuery)
        found = await self._presence.sessions(stream_key(access.tenant, path_name(request, "id")))
        return json_answer(orjson.dumps({"sessions": [_shown(session) for session in found]}))

    async def end(self, request: Request) -> Response:
        access = await self._gate.backend(request, "users")
        query = parse_query(request, EndQuery)
        user = path_name(request, "id")
        await self._revocations.revoke(access.tenant, user, query.jti)
        # Nodes find it within a second by themselves: this only makes them look now.
        self._bus.publish(stream_key(access.tenant, user), 0, "", b"")
        return Response(None, 204, PRIVATE)


def _shown(session: LiveSession) -> dict[str, str]:
    return {"session": session.id, "node": session.node, "connected_at": rfc3339(session.connected_at)}
