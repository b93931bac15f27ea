"""One WebSocket connection: bytes to messages, and its life from the handshake to the end. No task, timer or queue."""

import asyncio
import random
import time
from collections.abc import MutableSet
from typing import Any, Protocol

from websockets.server import ServerProtocol

from gateway.live import wire
from gateway.live.codes import CloseCode
from gateway.live.frames import Failure, FrameReader, Sign
from gateway.live.held_stream import HeldStream
from gateway.live.outgoing import Outgoing, Shared
from gateway.live.session import Answer, Effect, HangUp, Session
from inbox.ids import new_token


class Desk(Protocol):
    """Who does what takes more than the connection itself."""

    def act(self, connection: "Connection", effect: Effect) -> None: ...

    def leave(self, connection: "Connection") -> None:
        """The connection is ending: it must not be given anything more. Called once."""
        ...


class Connection(Outgoing):
    """Made when a handshake is complete; takes over its transport, and the protocol object that shook hands.

    ``stream`` is what the session follows once it joined. ``reading``: it is being brought up to date from the store
    and takes no live entries meanwhile; ``stalled``: that waits until the client has read more.

    :param registry: uvicorn's set of open connections; it calls ``shutdown`` on each when the server ends.
    """

    __slots__ = (
        "_closing",
        "_desk",
        "_heard_at",
        "_pinged_at",
        "_reader",
        "_registry",
        "reading",
        "session",
        "slot",
        "stalled",
        "stream",
    )

    def __init__(
        self,
        shared: Shared,
        desk: Desk,
        session: Session,
        transport: asyncio.Transport,
        protocol: ServerProtocol,
        registry: MutableSet[Any],
    ) -> None:
        super().__init__(shared, transport)
        self._desk = desk
        self._reader = FrameReader(protocol)
        self._registry = registry
        self._closing = False
        # Until hello, the time the connection was opened.
        self._pinged_at = self._heard_at = time.monotonic()
        self.session = session
        self.stream: HeldStream | None = None
        self.reading = False
        self.stalled = False
        self.slot = -1
        registry.add(self)
        shared.tally.sessions += 1
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
        for heard in self._reader.read(data):
            self._hear(heard)
            if self._closing:
                return
        if pongs := self._reader.owed():
            self.send(pongs)

    def _hear(self, heard: str | Sign | Failure) -> None:
        if isinstance(heard, str):
            self.perform(self.session.receive(heard, self._heard_at))
        elif heard is Sign.CONTROL:
            self.perform(self.session.control(self._heard_at))
        elif heard is Sign.CLOSE:
            self._answer_close()
        elif isinstance(heard, Failure):
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

    def say(self, payload: bytes) -> None:
        """Send one message."""
        self.send(wire.text_frame(payload))

    def greeting(self) -> wire.Greeting:
        """The beginning of this session's welcome."""
        user = "" if self.session.claims is None else self.session.claims.user
        return wire.Greeting(new_token(), user, self._shared.limits.heartbeat_s)

    def greet(self, seq: int, welcome: bytes) -> None:
        """Send the welcome: from here on the session stands at ``seq``."""
        self.seq = seq
        self.session.state = "live"
        self.say(welcome)
        # A random phase, or clients that came together would be pinged together for ever.
        self._pinged_at = time.monotonic() - random.random() * self._shared.limits.heartbeat_s
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
        """Close, and say when to come back."""
        limits = self._shared.limits
        self.say(wire.bye(code, limits.return_after_s, limits.return_spread_s))
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

    def abort(self, code: CloseCode) -> None:
        self._end(code)
        super().abort(code)

    def shutdown(self) -> None:
        """uvicorn's way to say that the server ends."""
        self.dismiss(CloseCode.DRAIN, "the server is going away")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(None)
        self._shared.wheel.remove(self)
        self._shared.tally.sessions -= 1
        self._registry.discard(self)

    def _answer_close(self) -> None:
        echo = b"".join([*self.take_frames(), self._reader.owed()])
        self._end(None)
        self._transport.write(echo)
        self._transport.close()

    def _end(self, code: int | None) -> None:
        """Once: leave the hub, and give the transport a while to come to its end."""
        if self._closing:
            return
        self._closing = True
        self.take_frames()
        if code is not None:
            self._shared.tally.closes[code] += 1
        self._shared.wheel.put(self, self._shared.limits.close_grace_s)
        self._desk.leave(self)
