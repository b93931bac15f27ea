"""What every session's connection has: its place at the hub, its clocks and its end. No task, timer or queue."""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Protocol

from gateway.live import wire
from gateway.live.codes import CloseCode
from gateway.live.held_stream import HeldStream
from gateway.live.outgoing import Outgoing, Shared
from gateway.live.session import Session
from inbox.ids import new_id
from inbox.registered import Revocation


class Desk(Protocol):
    """Who has to know how far a connection is."""

    def welcomed(self, connection: "Connection") -> None:
        """It is being sent its welcome: ``id`` is its session. Called at most once, before ``leave``."""
        ...

    def leave(self, connection: "Connection") -> None:
        """The connection is ending: it must not be given anything more. Called once."""
        ...


class Connection(Outgoing, ABC):
    """A ``WebSocket`` or an ``EventStream``. Takes over the transport of a request that was let in.

    ``stream`` is what it follows once it joined, ``id`` its name once welcomed. ``reading``: it is being brought up to
    date from the store and takes no live entries meanwhile; ``stalled``: that waits until the client has read more.

    :param address: where it comes from, see ``Addresses``.
    """

    __slots__ = ("_address", "_desk", "_pinged_at", "id", "reading", "session", "stalled", "stream")

    def __init__(
        self, shared: Shared, desk: Desk, session: Session, transport: asyncio.Transport, address: bytes
    ) -> None:
        super().__init__(shared, transport)
        self._desk = desk
        self._address = address
        # Until the first ping, the time the connection was opened.
        self._pinged_at = time.monotonic()
        self.id = ""
        self.session = session
        self.stream: HeldStream | None = None
        self.reading = False
        self.stalled = False
        shared.arrivals.enter(address)
        shared.wheel.put(self, shared.limits.hello_timeout_s)

    @abstractmethod
    def _ping(self) -> None:
        """Send something: it is time to."""

    @abstractmethod
    def _parting(self, code: int, reason: str) -> bytes:
        """The last that the client hears."""

    @property
    def is_welcomed(self) -> bool:
        return self.session.state == "live"

    # Out

    def greeting(self) -> wire.Greeting:
        """The beginning of this session's welcome."""
        user = "" if self.session.claims is None else self.session.claims.user
        self.id = new_id()
        return wire.Greeting(self.id, user, self._shared.limits.heartbeat_s)

    def greet(self, seq: int, welcome: bytes) -> None:
        """Send the welcome: from here on the session stands at ``seq``."""
        self.seq = seq
        self.session.state = "live"
        self._shared.arrivals.end()
        self._desk.welcomed(self)
        self.say(welcome)
        # A random phase, or clients that came together would be pinged together for ever.
        self._pinged_at -= random.random() * self._shared.limits.heartbeat_s
        self.look_soon()

    def drained(self) -> None:
        super().drained()
        if self.stalled and self.stream is not None:
            self.stalled = False
            self.stream.read_on(self)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._shared.wheel.hasten(self, self._shared.limits.stuck_s)

    # Life

    def tend(self, now: float) -> float | None:
        """See ``Tended``."""
        if self._closing:
            self._transport.abort()
            return None
        left_s = self._left_s(now)
        return None if self._closing else max(left_s, 0)

    def look_soon(self) -> None:
        """A deadline has changed."""
        self._shared.wheel.hasten(self, 0)

    def _left_s(self, now: float) -> float:
        """Seconds until the next deadline. Does what is due now."""
        return min(self._tend_token(), self.tend_buffer(now), self._tend_pulse(now))

    def _tend_token(self) -> float:
        if self.session.claims is None:
            return self._shared.limits.hello_timeout_s
        left_s = self.session.claims.expires_at + self._shared.limits.leeway_s - time.time()
        if left_s <= 0:
            self.close(CloseCode.TOKEN_EXPIRED, "the token has expired")
        return left_s

    def _tend_pulse(self, now: float) -> float:
        heartbeat_s = self._shared.limits.heartbeat_s
        if now < self._pinged_at + heartbeat_s:
            return self._pinged_at + heartbeat_s - now
        self._pinged_at = now
        self._ping()
        return heartbeat_s

    def dismiss(self, code: CloseCode, reason: str = "") -> None:
        """Close, and say when to come back."""
        self.close(code, reason)

    def revoke(self, revocation: Revocation) -> None:
        """End the session if its token is void now."""
        if self.session.is_void(revocation):
            self.close(CloseCode.KICKED, "the session was ended by the backend")

    def close(self, code: int, reason: str = "") -> None:
        """Send what is owed and a parting word, then hear nothing more. A client that does not hang up is cut off."""
        if self._closing:
            return
        last = b"".join([*self.take_frames(), self._parting(code, reason)])
        self._end(code)
        if not self._transport.is_closing():
            self._transport.write(last)
            # On asyncio's loop it raises if the client has hung up unnoticed; whoever closes many goes on to the next.
            with suppress(OSError):
                self._transport.write_eof()

    def abort(self, code: CloseCode) -> None:
        self._end(code)
        super().abort(code)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(None)
        self._shared.wheel.remove(self)
        self._shared.arrivals.leave(self._address)

    def _end(self, code: int | None) -> None:
        """Once: leave the hub, and give the transport a while to come to its end."""
        if self._closing:
            return
        self._closing = True
        self.take_frames()
        if self.session.state == "joining":
            self._shared.arrivals.end()
        if code is not None:
            self._shared.tally.closes[code] += 1
        self._shared.wheel.put(self, self._shared.limits.close_grace_s)
        self._desk.leave(self)
