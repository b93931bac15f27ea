"""One WebSocket connection: bytes to messages, and its life from the handshake to the end. No task, timer or queue."""

import asyncio
import random
import time
from typing import Protocol

from gateway.live import wire
from gateway.live.codes import CloseCode
from gateway.live.frames import Closing, Control, Failure, FrameReader, Heard
from gateway.live.held_stream import HeldStream
from gateway.live.outgoing import Outgoing, Shared
from gateway.live.session import Answer, Effect, HangUp, Session
from inbox.ids import new_id
from inbox.registered import Revocation


class Desk(Protocol):
    """Who does what takes more than the connection itself."""

    def act(self, connection: "Connection", effect: Effect) -> None: ...

    def welcomed(self, connection: "Connection") -> None:
        """It is being sent its welcome: ``id`` is its session. Called at most once, before ``leave``."""
        ...

    def leave(self, connection: "Connection") -> None:
        """The connection is ending: it must not be given anything more. Called once."""
        ...


class Connection(Outgoing):
    """Made when a handshake is complete; takes over its transport.

    ``stream`` is what it follows once it joined, ``id`` its name once welcomed. ``reading``: it is being brought up to
    date from the store and takes no live entries meanwhile; ``stalled``: that waits until the client has read more.

    :param address: where it comes from, see ``Addresses``.
    """

    __slots__ = (
        "_address",
        "_closing",
        "_desk",
        "_heard_at",
        "_pinged_at",
        "_reader",
        "id",
        "reading",
        "session",
        "stalled",
        "stream",
    )

    def __init__(
        self,
        shared: Shared,
        desk: Desk,
        session: Session,
        transport: asyncio.Transport,
        address: bytes,
    ) -> None:
        super().__init__(shared, transport)
        self._desk = desk
        self._address = address
        self._reader: FrameReader | None = None
        self._closing = False
        # Until hello, the time the connection was opened.
        self._pinged_at = self._heard_at = time.monotonic()
        self.id = ""
        self.session = session
        self.stream: HeldStream | None = None
        self.reading = False
        self.stalled = False
        shared.arrivals.enter(address)
        shared.wheel.put(self, shared.limits.hello_timeout_s)

    @property
    def is_closing(self) -> bool:
        return self._closing

    @property
    def is_welcomed(self) -> bool:
        return self.session.state == "live"

    # In

    def data_received(self, data: bytes) -> None:
        self._heard_at = time.monotonic()
        if self._closing:
            return
        reader = self._reader or self._shared.readers.borrow()
        self._reader = reader
        for heard in reader.read(data):
            self._hear(heard)
            if self._closing:
                return
        if reader.is_between_messages:
            self._reader = None
            self._shared.readers.give_back(reader)

    def _hear(self, heard: Heard) -> None:
        match heard:
            case str():
                self.perform(self.session.receive(heard, self._heard_at))
            case Control():
                self.perform(self.session.control(self._heard_at))
                if heard.answer:
                    self.send(heard.answer)
            case Closing():
                self._answer_close(heard.answer)
            case Failure():
                self.close(heard.code, heard.reason)

    def perform(self, effect: Effect | None) -> None:
        """Do what the session decided, or have it done."""
        if isinstance(effect, Answer):
            self.send(wire.text_frame(effect.payload))
        elif isinstance(effect, HangUp):
            self.close(effect.code, effect.reason)
        elif effect is not None:
            self._desk.act(self, effect)

    # Out

    def send(self, frame: bytes) -> None:
        if not self._closing:
            super().send(frame)

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
        # A random phase, or clients that came together would be pinged together for ever. Counted from the hello: a
        # ping that seemed to be later than all that was heard would seem to be unanswered.
        self._pinged_at = self._heard_at - random.random() * self._shared.limits.heartbeat_s
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
        if self._closing:
            self._transport.abort()
            return None
        if self.session.state == "new":
            left_s = self._pinged_at + self._shared.limits.hello_timeout_s - now
            if left_s <= 0:
                self.close(CloseCode.HELLO_TIMEOUT, "expected hello")
        else:
            left_s = min(self._tend_token(), self.tend_buffer(now), self._tend_pulse(now))
        return None if self._closing else max(left_s, 0)

    def look_soon(self) -> None:
        """A deadline has changed."""
        self._shared.wheel.hasten(self, 0)

    def _tend_token(self) -> float:
        if self.session.claims is None:
            return self._shared.limits.hello_timeout_s
        left_s = self.session.claims.expires_at + self._shared.limits.leeway_s - time.time()
        if left_s <= 0:
            self.close(CloseCode.TOKEN_EXPIRED, "the token has expired")
        return left_s

    def _tend_pulse(self, now: float) -> float:
        """Ping, or see whether the last ping was answered; anything that was heard is an answer."""
        limits = self._shared.limits
        if self._heard_at < self._pinged_at:
            if now >= self._pinged_at + limits.pong_timeout_s:
                self.abort(CloseCode.HEARTBEAT_LOST)
            return self._pinged_at + limits.pong_timeout_s - now
        if now < self._pinged_at + limits.heartbeat_s:
            return self._pinged_at + limits.heartbeat_s - now
        self._pinged_at = now
        self.send(wire.PING)
        return min(limits.pong_timeout_s, limits.heartbeat_s)

    def dismiss(self, code: CloseCode, reason: str = "") -> None:
        self.say(wire.bye(code, *self._shared.arrivals.pause_s(code)))
        self.close(code, reason)

    def close(self, code: int, reason: str = "") -> None:
        """Send what is owed and a close frame, then hear nothing more. A client that does not hang up is cut off."""
        if self._closing:
            return
        owed = self.take_frames()
        self._end(code)
        if not self._transport.is_closing():
            self._transport.write(b"".join([*owed, wire.close_frame(code, reason)]))
            self._transport.write_eof()

    def revoke(self, revocation: Revocation) -> None:
        """End the session if its token is void now."""
        if self.session.is_void(revocation):
            self.close(CloseCode.KICKED, "the session was ended by the backend")

    def abort(self, code: CloseCode) -> None:
        self._end(code)
        super().abort(code)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(None)
        self._shared.wheel.remove(self)
        self._shared.arrivals.leave(self._address)

    def _answer_close(self, answer: bytes) -> None:
        owed = self.take_frames()
        self._end(None)
        self._transport.write(b"".join([*owed, answer]))
        self._transport.close()

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
