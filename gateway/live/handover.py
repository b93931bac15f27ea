"""From uvicorn to us: its WebSocket protocol shakes hands, then the transport goes to a ``Connection``."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from gateway.http.problems import plain, problem
from gateway.live.hub import Hub
from gateway.live.origins import Origins
from inbox.errors import Unavailable

_HAND_OVER = "bellwire.hand_over"


class BellwireWebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which lets an ASGI app that has accepted give the connection to a hub and return."""

    _handed_over = False

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.transport.is_closing():
            return
        # What the client says before the hub takes over stays in the socket.
        self.transport.pause_reading()
        # Nothing here reads a query, and uvicorn logs it: a token in there would be a token in a log.
        self.scope["query_string"] = b""
        self.scope["extensions"][_HAND_OVER] = {"to": self._hand_over}

    def _hand_over(self, hub: Hub) -> None:
        if self.disconnected or self.transport.is_closing():
            return
        self.stop_keepalive()
        self._handed_over = True
        connection = hub.connect(self.transport, self.conn, self.connections)
        self.connections.discard(self)
        self.transport.set_protocol(connection)
        self.transport.resume_reading()

    async def run_asgi(self) -> None:
        """As uvicorn's, but a transport that was handed over is not ours to close."""
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except Exception:
            self.logger.exception("Exception in ASGI application")
            self.send_500_response()
        finally:
            # It refers to us, and we to the scope: without it there is nothing for the garbage collector.
            self.scope["extensions"].pop(_HAND_OVER, None)
            if not self._handed_over:
                self.transport.close()


def websocket_endpoint(hub: Hub, origins: Origins) -> ASGIApp:
    """The ASGI app of ``WS /v1/ws``: looks where the page comes from and whether there is room, then hands over."""

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin = ", ".join(headers.getlist("origin")) if "origin" in headers else None
        if not origins.admit(origin, headers.get("host", "")):
            await plain("forbidden", "expected a page of an origin in BELLWIRE_ALLOWED_ORIGINS")(scope, receive, send)
        elif hub.turns_away():
            await problem(Unavailable("too many sessions on this node: try again shortly"))(scope, receive, send)
        else:
            await send({"type": "websocket.accept"})
            scope["extensions"][_HAND_OVER]["to"](hub)

    return endpoint
