"""POST /v1/topics/{topic}/signals: something to be seen now or never."""

from typing import Annotated, Any

import orjson
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from gateway.http.access import Gate
from gateway.http.body import JsonBody, NoQuery, parse_query
from gateway.http.content import check_data, data_bounds
from gateway.http.endpoint import json_answer
from gateway.http.names import path_name
from gateway.settings import LIMITS
from inbox.errors import Invalid
from inbox.service import Inbox


class NewSignal(Struct, frozen=True, forbid_unknown_fields=True):
    """What the subscribers of a topic are shown."""

    data: Annotated[dict[str, Any], data_bounds(LIMITS.signal_bytes)]


_BODY = JsonBody(NewSignal)


class Signals:
    """A signal is not stored, and an accepted one may still be lost: what must arrive is a notification.

    Its topic need not exist as a set of users. There is no idempotency key: a request sent again is shown again.
    """

    def __init__(self, inbox: Inbox, gate: Gate) -> None:
        self._inbox = inbox
        self._gate = gate

    async def send(self, request: Request) -> Response:
        access = await self._gate.backend(request, "topics")
        parse_query(request, NoQuery)
        topic = path_name(request, "topic")
        signal = await _BODY.read(request)
        if errors := check_data("data", signal.data, LIMITS.signal_bytes):
            raise Invalid(*errors)
        self._inbox.signal(access.tenant, topic, orjson.dumps(signal.data))
        return json_answer(b"{}", 202)
