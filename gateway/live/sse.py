"""One event stream, ``GET /v1/stream``: what a WebSocket hears, for places where there is none."""

import asyncio
import random
from email.utils import formatdate

from gateway.auth.tokens import UserClaims
from gateway.http.protocol import refusal
from gateway.live import events, wire
from gateway.live.codes import CloseCode
from gateway.live.connection import Connection, Desk
from gateway.live.outgoing import Shared
from gateway.live.session import Session
from inbox.model import Cursor


class EventStream(Connection):
    """A connection that only speaks, for somebody whose token is verified.

    The answer begins with the welcome: whoever cannot be welcomed gets a problem instead. An entry's id is its place in
    the stream, so a client that comes back goes on from there; after a ``sync`` entries have none, and it goes on from
    before the gap.
    """

    __slots__ = ("_is_dense", "_unasked_bytes")

    def __init__(
        self,
        shared: Shared,
        desk: Desk,
        session: Session,
        transport: asyncio.Transport,
        address: bytes,
        claims: UserClaims,
    ) -> None:
        super().__init__(shared, desk, session, transport, address)
        self._is_dense = True
        self._unasked_bytes = 0
        session.claims = claims
        session.state = "joining"
        shared.arrivals.begin()

    # In

    def data_received(self, data: bytes) -> None:
        """There is nothing that a client could say after its request."""
        self._unasked_bytes += len(data)
        if self._unasked_bytes > self._shared.limits.unasked_bytes and not self.is_closing:
            self.abort(CloseCode.BAD_FRAME)

    # Out

    def say(self, payload: bytes) -> None:
        self.send(events.data(payload))

    def greet(self, seq: int, welcome: bytes) -> None:
        limits = self._shared.limits
        pause_s = limits.return_after_s + random.random() * limits.return_spread_s
        head = events.head(formatdate(usegmt=True))
        self.send(head + events.retry(pause_s) + self._id(seq))
        super().greet(seq, welcome)

    def give(self, seq: int, frame: bytes) -> None:
        self._is_dense = self._is_dense and not self.is_full()
        id = self._id(seq) if self._is_dense else b""
        super().give(seq, id + events.data(wire.payload_of(frame)))

    def _id(self, seq: int) -> bytes:
        return b"" if self.stream is None else events.event_id(Cursor(self.stream.epoch, seq))

    def _ping(self) -> None:
        """Nothing answers a comment: that nobody is there any more shows where it cannot be delivered."""
        if self.is_welcomed:
            self.send(events.PING)

    def _parting(self, code: int, reason: str) -> bytes:
        """``bye`` and the end of the answer, or the answer that there is none."""
        after_s, spread_s = self._shared.arrivals.pause_s(CloseCode(code))  # type: ignore[call-arg]  # It looks one up.
        pause_s = after_s + random.random() * spread_s
        if self.is_welcomed:
            return events.retry(pause_s) + events.data(wire.bye(code, after_s, spread_s))
        return refusal("unavailable", reason, pause_s)
