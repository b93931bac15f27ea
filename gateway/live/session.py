"""A session as a state machine: what a client says goes in, what is to be done about it comes out. No I/O, no clock."""

from typing import Literal

from msgspec import Struct

from gateway.auth.grants import allows
from gateway.auth.tokens import UserClaims
from gateway.live import wire
from gateway.live.codes import CloseCode
from gateway.rate import Rate
from gateway.settings import Limits
from inbox.ids import channel_key
from inbox.model import Mark
from inbox.registered import Revocation


class Join(Struct, frozen=True):
    """Verify the token and bring the session to the head of its stream."""

    hello: wire.Hello


class Apply(Struct, frozen=True):
    """Do this mark. The session counts it until ``mark_done``."""

    mark: Mark
    op: str | None


class Confirm(Struct, frozen=True):
    """The client has everything up to ``seq``."""

    seq: int


class Renew(Struct, frozen=True):
    """Verify this token and hand its claims to ``renewed``. The session takes no other until ``renew_done``."""

    token: str
    op: str | None


class Subscribe(Struct, frozen=True):
    """Have the session receive the signals of ``channel``, and send ``reply`` once it does."""

    channel: str
    reply: bytes | None


class Unsubscribe(Struct, frozen=True):
    """Have it receive them no more, and send ``reply``."""

    channel: str
    reply: bytes | None


class Answer(Struct, frozen=True):
    """Send this."""

    payload: bytes


class HangUp(Struct, frozen=True):
    """Close the connection."""

    code: CloseCode
    reason: str


Effect = Join | Apply | Confirm | Renew | Subscribe | Unsubscribe | Answer | HangUp


class Rules(Struct, frozen=True):
    """The bounds of a session, shared by all of a node."""

    messages: Rate
    controls: Rate
    marks_in_flight: int
    topics: int

    @classmethod
    def of(cls, limits: Limits) -> "Rules":
        return cls(
            Rate(limits.messages_per_s, limits.messages_burst),
            Rate(limits.pings_per_s, limits.pings_burst),
            limits.marks_in_flight,
            limits.topics_per_session,
        )


class Session:
    """One client from its first frame on: ``new`` until hello, ``joining`` until its welcome, then ``live``.

    ``claims`` says for whom it speaks, once its token is verified.
    """

    __slots__ = ("_controls_due", "_is_renewing", "_marks", "_messages_due", "_rules", "_topics", "claims", "state")

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._messages_due = 0.0
        self._controls_due = 0.0
        self._marks = 0
        self._is_renewing = False
        self._topics: set[str] | None = None
        self.claims: UserClaims | None = None
        self.state: Literal["new", "joining", "live"] = "new"

    def receive(self, text: str, now: float) -> Effect | None:
        """One text message, at monotonic time ``now`` (s)."""
        due = self._rules.messages.charge(self._messages_due, now)
        if due is None:
            return HangUp(CloseCode.RATE_LIMIT, "too many messages")
        self._messages_due = due
        try:
            message = wire.read_message(text)
        except wire.BadFrame as bad:
            return HangUp(CloseCode.BAD_FRAME, str(bad))
        except wire.Refused as refused:
            if self.state == "new":
                return HangUp(CloseCode.BAD_FRAME, f"expected a valid hello first; {refused}")
            return Answer(wire.error(refused.op, refused.code, str(refused), False))
        return self._take(message)

    def control(self, now: float) -> HangUp | None:
        """A WebSocket ping, or a fragment so small that it only costs."""
        due = self._rules.controls.charge(self._controls_due, now)
        if due is None:
            return HangUp(CloseCode.RATE_LIMIT, "too many pings or tiny fragments")
        self._controls_due = due
        return None

    def renewed(self, claims: UserClaims, op: str | None) -> list[Effect]:
        """The token of a ``Renew`` was verified. Channels that it does not grant are left, and the client is told."""
        if self.claims is None or (claims.tenant, claims.user) != (self.claims.tenant, self.claims.user):
            return [HangUp(CloseCode.BAD_TOKEN, "the new token is for another user")]
        self.claims = claims
        refused = [topic for topic in self._topics or () if not allows(claims.topics, topic)]
        effects: list[Effect] = [self._leave(topic, _forbidden(topic, None)) for topic in refused]
        return effects if op is None else [*effects, Answer(wire.reply(op))]

    def is_void(self, revocation: Revocation) -> bool:
        """Whether ``revocation``, which is of this user, makes the token void for which the session goes on."""
        return self.claims is not None and revocation.voids(self.claims.jti, self.claims.issued_at)

    def ended(self) -> list[Unsubscribe]:
        """The connection ends: the session leaves the channels it is in."""
        return [self._leave(topic, None) for topic in list(self._topics or ())]

    def mark_done(self) -> None:
        """The mark of an ``Apply`` came to its end, whichever."""
        self._marks -= 1

    def renew_done(self) -> None:
        """The token of a ``Renew`` was verified, or was not."""
        self._is_renewing = False

    def _take(self, message: wire.Message) -> Effect | None:
        if isinstance(message, wire.Hello):
            return self._hello(message)
        if self.state == "new":
            return HangUp(CloseCode.BAD_FRAME, "expected hello first")
        match message:
            case wire.MarkItems():
                return self._mark(message)
            case wire.Refresh():
                return self._refresh(message)
            case wire.Ack():
                return Confirm(message.seq) if self.state == "live" else None
            case wire.Sub():
                return self._sub(message)
            case wire.Unsub():
                return self._unsub(message)
        return None

    def _hello(self, hello: wire.Hello) -> Effect:
        if self.state != "new":
            return HangUp(CloseCode.BAD_FRAME, "expected one hello only")
        self.state = "joining"
        return Join(hello)

    def _mark(self, wish: wire.MarkItems) -> Effect:
        if self.state != "live":
            return _not_yet(wish.op)
        if self._marks >= self._rules.marks_in_flight:
            return Answer(wire.error(wish.op, "rate_limited", "expected fewer marks at once: wait for replies", True))
        self._marks += 1
        return Apply(wish.mark, wish.op)

    def _refresh(self, wish: wire.Refresh) -> Effect:
        """One at a time: an older token that took longer to verify must not follow a newer one."""
        if self.state != "live":
            return _not_yet(wish.op)
        if self._is_renewing:
            return Answer(wire.error(wish.op, "rate_limited", "expected one refresh at once: wait for its reply", True))
        self._is_renewing = True
        return Renew(wish.token, wish.op)

    def _sub(self, wish: wire.Sub) -> Effect:
        """Once more for a topic that the session is in already does no harm, and is answered all the same."""
        if self.state != "live" or self.claims is None:
            return _not_yet(wish.op)
        if not allows(self.claims.topics, wish.topic):
            return Answer(_forbidden(wish.topic, wish.op))
        self._topics = self._topics or set()
        if len(self._topics) >= self._rules.topics and wish.topic not in self._topics:
            most = f"topic: expected at most {self._rules.topics} in one session, leave another first"
            return Answer(wire.error(wish.op, "invalid", most, False))
        self._topics.add(wish.topic)
        return Subscribe(self._channel(wish.topic), _reply(wish.op))

    def _unsub(self, wish: wire.Unsub) -> Effect:
        return _not_yet(wish.op) if self.state != "live" else self._leave(wish.topic, _reply(wish.op))

    def _leave(self, topic: str, reply: bytes | None) -> Unsubscribe:
        if self._topics is not None:
            self._topics.discard(topic)
        return Unsubscribe(self._channel(topic), reply)

    def _channel(self, topic: str) -> str:
        return channel_key("" if self.claims is None else self.claims.tenant, topic)


def _reply(op: str | None) -> bytes | None:
    return None if op is None else wire.reply(op)


def _forbidden(topic: str, op: str | None) -> bytes:
    return wire.error(op, "forbidden", f"expected a token whose topics grant {topic}", False)


def _not_yet(op: str | None) -> Answer:
    return Answer(wire.error(op, "unavailable", "expected this after the welcome", True))
