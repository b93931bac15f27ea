"""``GET /v1/stream``: the request for an event stream, answered by the live side."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from gateway.http.access import Gate
from gateway.http.body import NoQuery, parse_query
from gateway.live import events
from gateway.live.entrance import Entrance
from gateway.live.handover import TakenOver


class UserStream:
    """Says who asks and where it stopped, and gives the connection away."""

    def __init__(self, entrance: Entrance, gate: Gate) -> None:
        self._entrance = entrance
        self._gate = gate

    async def follow(self, request: Request) -> Response:
        user = await self._gate.user(request)
        parse_query(request, NoQuery)
        cursor = events.cursor_of(request.headers.getlist(events.LAST_EVENT_ID))
        address = self._entrance.address(request.scope["client"], request.scope["headers"])
        self._entrance.require_room(address)
        if request.method == "HEAD":
            return _head()
        return TakenOver(partial(self._entrance.stream, address=address, claims=user, cursor=cursor))


def _head() -> Response:
    answer = Response(headers=events.HEADERS)
    del answer.headers["content-length"]
    return answer
