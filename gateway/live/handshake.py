"""The opening handshake (RFC 6455, section 4.2), by the ``websockets`` sans-I/O protocol. No I/O."""

from collections.abc import Iterable
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, InvalidMethod, InvalidProtocol, InvalidUpgrade
from websockets.http11 import Request
from websockets.server import ServerProtocol

_PREFIX = b"sec-websocket-"
_SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
)
_REFUSALS: dict[type[InvalidHandshake], tuple[HTTPStatus, dict[str, str]]] = {
    InvalidMethod: (HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET"}),
    InvalidProtocol: (HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, {}),
    InvalidUpgrade: (HTTPStatus.UPGRADE_REQUIRED, {"Upgrade": "websocket"}),
}


class Handshake:
    """Answers requests for a WebSocket. One serves a whole node: it keeps nothing of a client."""

    def __init__(self) -> None:
        self._protocol = ServerProtocol()

    def answer(self, method: str, version: str, headers: Iterable[tuple[bytes, bytes]]) -> tuple[bool, bytes]:
        """Whether the handshake is complete, and the response to be sent.

        :param version: of HTTP, ``1.1``.
        :param headers: of the request, names in lower case.
        """
        fields = Headers(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in headers
            if name in (b"connection", b"upgrade") or name.startswith(_PREFIX)
        )
        request = Request("/", fields, method, f"HTTP/{version}")
        try:
            accept, _, _ = self._protocol.process_request(request)
        except InvalidHandshake as why:
            return False, self._refusal(why)
        return True, _SWITCH % accept.encode()

    def _refusal(self, why: InvalidHandshake) -> bytes:
        """As ``ServerProtocol.accept`` says it: that one keeps the exception, and with it all who called."""
        status, more = _REFUSALS.get(type(why), (HTTPStatus.BAD_REQUEST, {}))
        response = self._protocol.reject(status, f"Failed to open a WebSocket connection: {why}.\n")
        response.headers.update(more)
        return response.serialize()
