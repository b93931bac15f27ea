"""The opening handshake (RFC 6455, section 4.2), by the ``websockets`` sans-I/O protocol. No I/O."""

import logging
from collections.abc import Iterable

from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.server import ServerProtocol

_PREFIX = b"sec-websocket-"
_quiet = logging.getLogger("bellwire.handshake")
_quiet.setLevel(logging.CRITICAL)


class Handshake:
    """Answers requests for a WebSocket. One serves a whole node: it keeps nothing of a client."""

    def __init__(self) -> None:
        self._protocol = ServerProtocol(logger=_quiet)

    def answer(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> tuple[bool, bytes]:
        """Whether the handshake is complete, and the response to be sent.

        :param headers: of the request, names in lower case.
        """
        fields = Headers(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in headers
            if name in (b"connection", b"upgrade") or name.startswith(_PREFIX)
        )
        response = self._protocol.accept(Request("/", fields, method))
        return response.status_code == 101, response.serialize()
