"""From uvicorn to us: its HTTP protocol reads the request, then the transport goes to a ``Connection``.

Nothing of ASGI is in between: no scope, task, queue or second parse for each of a hundred thousand connections.
"""

from typing import Any

from gateway.http.protocol import BoundedHttpProtocol
from gateway.live.entrance import Entrance


class LiveHttpProtocol(BoundedHttpProtocol):
    """Serves HTTP as its parent does, and hands a connection that becomes a WebSocket over to the hub."""

    def __init__(self, entrance: Entrance, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
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
        self.connections.discard(self)
        self.transport.set_protocol(self._entrance.connect(self.transport, address))
        # The two refer to each other: without this there would be work for the garbage collector.
        del self.parser
