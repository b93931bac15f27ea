"""Where sessions come in: who may, decided before a handshake or an event stream costs anything."""

import asyncio
import time
from collections.abc import Sequence

from msgspec import Struct

from gateway.auth.tokens import UserClaims
from gateway.live.addresses import Addresses
from gateway.live.handshake import Handshake
from gateway.live.hub import Hub
from gateway.live.origins import Origins
from inbox.errors import Unavailable
from inbox.model import Cursor

PATH = b"/v1/ws"

RawHeaders = Sequence[tuple[bytes, bytes]]


class Refusal(Struct, frozen=True):
    """Why not: the ``code`` of a problem, and when it may be tried again."""

    code: str
    detail: str
    retry_after_s: float | None = None


class Entrance:
    """Looks where a page comes from, and whether there is room for one more on this node and from its address."""

    def __init__(self, hub: Hub, origins: Origins, addresses: Addresses) -> None:
        self._hub = hub
        self._origins = origins
        self._addresses = addresses
        self._handshake = Handshake()

    def address(self, peer: tuple[str, int] | None, headers: RawHeaders) -> bytes:
        """Where a request comes from; see ``Addresses``."""
        return self._addresses.of(peer, headers)

    def refusal(self, target: bytes, headers: RawHeaders, address: bytes) -> Refusal | None:
        """Why this request is not let in, if it is not.

        :param target: path and query. Nothing reads the query, or logs it: a token in there would be one in a log.
        """
        if target.partition(b"?")[0] != PATH:
            return Refusal("not_found", "nothing answers on this path")
        if not self._origins.admit(_field(headers, b"origin"), _field(headers, b"host") or ""):
            return Refusal("forbidden", "expected a page of an origin in BELLWIRE_ALLOWED_ORIGINS")
        no_room = self._no_room(address)
        return None if no_room is None else Refusal("unavailable", *no_room)

    def shake_hands(self, method: str, version: str, headers: RawHeaders) -> tuple[bool, bytes]:
        """Whether the handshake is complete, and the response to be sent."""
        return self._handshake.answer(method, version, headers)

    def connect(self, transport: asyncio.Transport, address: bytes) -> asyncio.Protocol:
        """The protocol that takes over ``transport`` after the handshake."""
        return self._hub.connect(transport, address)

    def require_room(self, address: bytes) -> None:
        """:raises Unavailable: there is none for one more from ``address``."""
        no_room = self._no_room(address)
        if no_room is not None:
            raise Unavailable(*no_room)

    def stream(
        self, transport: asyncio.Transport, address: bytes, claims: UserClaims, cursor: Cursor | None
    ) -> asyncio.Protocol:
        """The protocol that takes over ``transport`` and answers with an event stream."""
        return self._hub.stream(transport, address, claims, cursor)

    def _no_room(self, address: bytes) -> tuple[str, float] | None:
        return self._hub.arrivals.refusal(address, time.monotonic())


def _field(headers: RawHeaders, name: bytes) -> str | None:
    """The value of a header; several are joined, which matches nothing that one alone would."""
    values = [value for each, value in headers if each == name]
    return b", ".join(values).decode("latin-1") if values else None
