"""From uvicorn to us: its HTTP protocol reads the request, then the transport goes to a ``Connection``.

Nothing of ASGI is left: no scope, task, queue or second parse for each of a hundred thousand connections. A WebSocket
never sees any of it; an event stream is routed and verified like every request, and ends as one when it begins.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from weakref import ref

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gateway.http.callers import Callers
from gateway.http.protocol import BoundedHttpProtocol
from gateway.live.entrance import Entrance

Connect = Callable[[asyncio.Transport], asyncio.Protocol]

STREAM_PATH = "/v1/stream"

_IN_HAND = "in_hand"


class TakenOver(Response):
    """An answer that is not given here: the protocol that ``connect`` makes takes over the transport."""

    def __init__(self, connect: Connect) -> None:
        super().__init__()
        self._connect = connect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        protocol, cycle = (there() for there in scope["state"][_IN_HAND])
        protocol.take_over(cycle, self._connect)


class LiveHttpProtocol(BoundedHttpProtocol):
    """Serves HTTP as its parent does, and hands a connection that goes live over to the hub."""

    def __init__(self, entrance: Entrance, callers: Callers, **uvicorn: Any) -> None:
        super().__init__(callers, **uvicorn)
        self._entrance = entrance

    def handle_websocket_upgrade(self) -> None:
        self._upgraded = True
        if self.cycle is not None and not self.cycle.response_complete:
            self._refuse("bad_request", "expected no request in hand: ask for a WebSocket on a connection of its own")
            return
        address = self._entrance.address(self.client, self.headers)
        refusal = self._entrance.refusal(self.url, self.headers, address)
        if refusal is not None:
            self._refuse(refusal.code, refusal.detail, refusal.retry_after_s)
            return
        self._stop_timer()
        scope = self.scope
        is_open, response = self._entrance.shake_hands(scope["method"], scope["http_version"], self.headers)
        self.transport.write(response)
        if not is_open:
            self.transport.close()
            return
        self._let_go()
        self.transport.set_protocol(self._entrance.connect(self.transport, address))
        # The two refer to each other: without this there would be work for the garbage collector.
        del self.parser

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.scope.get("path") == STREAM_PATH:
            # Weakly, or a request that is refused would leave a circle of references.
            self.scope["state"][_IN_HAND] = ref(self), ref(self.cycle)

    def take_over(self, cycle: RequestResponseCycle, connect: Connect) -> None:
        """Leave the request of ``cycle``, and whatever was sent after it, without an answer of ours."""
        # For uvicorn the client is gone: it neither misses the answer nor touches the transport any more.
        cycle.disconnected = True
        if self.transport.is_closing():
            return
        self._stop_timer()
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        self._let_go()
        live = connect(self.transport)
        self.transport.set_protocol(live)
        if self.flow.write_paused:
            live.pause_writing()
        self.flow.resume_reading()
        # As above; and requests behind this one know us as well.
        del self.parser, self.cycle

    def _let_go(self) -> None:
        self.connections.discard(self)
        self._callers.leave(self)
