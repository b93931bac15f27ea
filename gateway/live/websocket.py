"""One WebSocket: bytes to messages and back, from the handshake to the closing one."""

import asyncio
import time
from typing import Protocol

from gateway.live import wire
from gateway.live.codes import CloseCode
from gateway.live.connection import Connection, Desk
from gateway.live.frames import Closing, Control, Failure, FrameReader, Heard
from gateway.live.outgoing import Shared
from gateway.live.session import Answer, Effect, HangUp, Session


class FrontDesk(Desk, Protocol):
    """Who also does what takes more than the connection itself."""

    def act(self, connection: "WebSocket", effect: Effect) -> None: ...


class WebSocket(Connection):
    """Made when a handshake is complete. Its client has to say hello first, and to answer pings."""

    __slots__ = ("_heard_at", "_reader")

    _desk: FrontDesk

    def __init__(
        self, shared: Shared, desk: FrontDesk, session: Session, transport: asyncio.Transport, address: bytes
    ) -> None:
        super().__init__(shared, desk, session, transport, address)
        self._heard_at = self._pinged_at
        self._reader: FrameReader | None = None

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

    def greet(self, seq: int, welcome: bytes) -> None:
        # A ping that seemed to be later than all that was heard would seem to be unanswered.
        self._pinged_at = self._heard_at
        super().greet(seq, welcome)

    def _ping(self) -> None:
        self.send(wire.PING)

    # Life

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._reader is not None:
            self._reader.end()
            self._reader = None

    def _left_s(self, now: float) -> float:
        if self.session.state != "new":
            return super()._left_s(now)
        left_s = self._pinged_at + self._shared.limits.hello_timeout_s - now
        if left_s <= 0:
            self.close(CloseCode.HELLO_TIMEOUT, "expected hello")
        return left_s

    def _tend_pulse(self, now: float) -> float:
        """Ping, or see whether the last ping was answered; anything that was heard is an answer."""
        pong_timeout_s = self._shared.limits.pong_timeout_s
        if self._heard_at < self._pinged_at:
            left_s = self._pinged_at + pong_timeout_s - now
            if left_s <= 0:
                self.abort(CloseCode.HEARTBEAT_LOST)
            return left_s
        left_s = super()._tend_pulse(now)
        return left_s if self._heard_at >= self._pinged_at else min(left_s, pong_timeout_s)

    def dismiss(self, code: CloseCode, reason: str = "") -> None:
        self.say(wire.bye(code, *self._shared.arrivals.pause_s(code)))
        super().dismiss(code, reason)

    def _parting(self, code: int, reason: str) -> bytes:
        return wire.close_frame(code, reason)

    def _answer_close(self, answer: bytes) -> None:
        owed = self.take_frames()
        self._end(None)
        self._transport.write(b"".join([*owed, answer]))
        self._transport.close()
