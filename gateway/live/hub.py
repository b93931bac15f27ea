"""The live side of a node: every session it holds, and what the bus brings for them."""

import asyncio
from collections.abc import Callable, Collection, Iterable

from gateway.auth.tokens import UserClaims
from gateway.http.limits import RequestLimits, limits_of_users
from gateway.live.acks import Acks
from gateway.live.channels import Channels
from gateway.live.codes import CloseCode
from gateway.live.connection import Connection
from gateway.live.drain import drain
from gateway.live.errands import Errands, UserVerifier
from gateway.live.head_check import HeadCheck
from gateway.live.outgoing import Shared
from gateway.live.session import Apply, Confirm, Effect, Join, Renew, Rules, Session, Subscribe, Unsubscribe
from gateway.live.sse import EventStream
from gateway.live.statistics import LiveStatistics
from gateway.live.streams import Streams
from gateway.live.websocket import WebSocket
from gateway.settings import LIMITS, Limits
from inbox.bus.base import Bus
from inbox.ids import stream_key
from inbox.model import Cursor
from inbox.presence.base import Presence
from inbox.presence.memory import MemoryPresence
from inbox.registered import Revocation
from inbox.service import Inbox
from inbox.tasks import end


class Hub:
    """Puts the parts of the live side together; listens to the bus, and is the desk of every connection.

    :param presence: told who comes and goes; ``start`` has it ask this hub.
    :param hurry: called when the bus says that tokens were revoked.
    :param user_limits: what a user may ask for over HTTP and here together.
    """

    def __init__(
        self,
        inbox: Inbox,
        bus: Bus,
        verifier: UserVerifier,
        limits: Limits = LIMITS,
        presence: Presence | None = None,
        hurry: Callable[[], None] = lambda: None,
        user_limits: RequestLimits | None = None,
    ) -> None:
        self._bus = bus
        self._presence: Presence = presence or MemoryPresence("")
        self._hurry = hurry
        self._shared = Shared(limits)
        self.arrivals = self._shared.arrivals
        self._rules = Rules.of(limits)
        self._acks = Acks(inbox.store, limits.ack_flush_s)
        self._streams = Streams(inbox.store, bus, limits, self._shared.tally)
        self._channels = Channels(bus, self._shared)
        self._errands = Errands(inbox, verifier, self._streams, user_limits or limits_of_users(limits))
        self._head_check = HeadCheck(self._streams, inbox.store, bus, limits, self._shared.tally)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start the bus with this hub as its listener, presence with it as the roster, and the clocks."""
        await self._bus.start(self)
        await self._presence.start(self)
        parts = (self._shared.wheel, self.arrivals, self._head_check, self._acks)
        self._tasks = [asyncio.create_task(part.run()) for part in parts]

    async def drain(self) -> None:
        """Let nobody in any more and all sessions go: at the end none is left."""
        self.arrivals.close()
        limits, wheel = self._shared.limits, self._shared.wheel
        over_s = min(limits.drain_s, self._shared.tally.sessions / self._shared.tally.welcomes_per_s)
        await drain(wheel.everything, over_s, limits.close_grace_s)

    async def stop(self) -> None:
        """Stop working and write what is left, after ``drain``."""
        await end(self._tasks)
        await self._errands.close()
        await self._streams.close()
        await self._channels.close()
        await self._acks.flush()

    def statistics(self) -> LiveStatistics:
        return self._shared.tally.statistics(len(self._streams), len(self._channels))

    # Connections

    def connect(self, transport: asyncio.Transport, address: bytes) -> asyncio.Protocol:
        """The connection that goes on from a complete handshake; see ``WebSocket``."""
        return WebSocket(self._shared, self, Session(self._rules), transport, address)

    def stream(
        self, transport: asyncio.Transport, address: bytes, claims: UserClaims, cursor: Cursor | None
    ) -> asyncio.Protocol:
        """The connection that goes on from a request for an event stream; see ``EventStream``."""
        connection = EventStream(self._shared, self, Session(self._rules), transport, address, claims)
        self._streams.join(connection, stream_key(claims.tenant, claims.user), cursor)
        return connection

    def act(self, connection: WebSocket, effect: Effect) -> None:
        match effect:
            case Join():
                is_crowded = self.arrivals.is_crowded()
                self.arrivals.begin()
                if is_crowded:
                    connection.dismiss(CloseCode.CANNOT_VERIFY, "too many arrive at once")
                else:
                    self._errands.begin(connection, effect)
            case Apply() | Renew():
                self._errands.begin(connection, effect)
            case Confirm() if connection.stream is not None:
                self._acks.note(connection.stream.key, effect.seq)
            case Subscribe():
                self._channels.enter(connection, effect.channel, effect.reply)
            case Unsubscribe():
                self._channels.leave(connection, effect.channel, effect.reply)

    def welcomed(self, connection: Connection) -> None:
        if connection.stream is not None:
            self._presence.changed(connection.stream.key)

    def leave(self, connection: Connection) -> None:
        if connection.is_welcomed and connection.stream is not None:
            self._presence.changed(connection.stream.key)
        self._streams.leave(connection)
        for effect in connection.session.ended():
            self._channels.leave(connection, effect.channel, None)

    def end(self, revoked: Iterable[Revocation]) -> None:
        """End the sessions whose tokens are void now."""
        for each in revoked:
            for held in self._streams.find([stream_key(each.tenant, each.user)]):
                for member in list(held.members):
                    member.revoke(each)

    # The roster

    def streams(self) -> list[str]:
        return self._streams.keys()

    def sessions(self, stream: str) -> list[str]:
        held = self._streams.find([stream])
        return [member.id for each in held for member in each.members if member.is_welcomed]

    # The bus

    def receive(self, stream: str, seq: int, epoch: str, frame: bytes) -> None:
        if seq:
            self._streams.receive(stream, seq, epoch, frame)
        elif frame:
            self._channels.receive(stream, frame)
        else:
            self._hurry()

    def flush(self) -> None:
        self._shared.outbox.flush()

    def gap(self, streams: Collection[str]) -> None:
        """What a channel missed is lost: the head check knows streams only."""
        self._head_check.suspect(streams)
