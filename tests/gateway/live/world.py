"""One stream of a node without sockets: its log, its bus and its sessions, all driven by one source of chance."""

import asyncio
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, cast

from msgspec.structs import replace

from gateway.live import wire
from gateway.live.catch_up import CatchUp
from gateway.live.codes import CloseCode
from gateway.live.held_stream import HeldStream
from gateway.live.statistics import Tally
from gateway.settings import LIMITS
from inbox.encode import entry_json
from inbox.errors import StreamReset, Unavailable
from inbox.model import Changes, Counts, Cursor, Entry, Head, Page
from inbox.registered import Revocation
from inbox.store.base import Store

EPOCH = "e1"
SMALL = replace(LIMITS, changes_entries=5, welcome_entries=3, reassembly_frames=3)


def entry(seq: int) -> Entry:
    return Entry(seq, "read", 0, Counts(), ids=("x",))


class Log:
    """A store with one stream, which takes its time and sometimes fails."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.first = 1
        self.head = 0
        self.fails = False
        self.meanwhile: list[Callable[[], None]] = []
        self.reads = 0
        self.reads_at_once = 0
        self.most_at_once = 0

    async def changes(self, stream: str, since: int, epoch: str, limit: int) -> Changes:
        await self._pass_time()
        if epoch != EPOCH or since > self.head or since + 1 < self.first:
            raise StreamReset("reset")
        upto = min(self.head, since + limit)
        found = Changes(self._at(), tuple(map(entry, range(since + 1, upto + 1))), upto < self.head)
        await self._pass_time()
        while self.meanwhile:
            self.meanwhile.pop()()
        return found

    async def catch_up(self, wanted: Sequence[tuple[str, Cursor]], limit: int) -> list[Changes | None]:
        ((stream, cursor),) = wanted
        try:
            return [await self.changes(stream, cursor.seq, cursor.epoch, limit)]
        except StreamReset:
            return [None]

    async def page(self, stream: str, *, limit: int) -> Page:
        await self._pass_time()
        found = Page(self._at(), (), None)
        await self._pass_time()
        return found

    def _at(self) -> Head:
        return Head(EPOCH, self.head)

    async def _pass_time(self) -> None:
        self.reads += 1
        self.reads_at_once += 1
        self.most_at_once = max(self.most_at_once, self.reads_at_once)
        for _ in range(self._random.randrange(4)):
            await asyncio.sleep(0)
        self.reads_at_once -= 1
        if self.fails and self._random.random() < 0.3:
            raise Unavailable("away")


class Follower:
    """A session that writes down what it is given."""

    def __init__(self, held: HeldStream, cursor: Cursor | None) -> None:
        self._held = held
        self.cursor = cursor
        self.id = "s"
        self.seq = 0
        self.reading = True
        self.stalled = False
        self.is_welcomed = False
        self.is_slow = False
        self.resumed = False
        self.can_resume = False
        self.got: list[int] = []
        self.code: int | None = None

    def is_full(self) -> bool:
        return self.is_slow

    def drain(self) -> None:
        self.is_slow = False
        if self.stalled:
            self.stalled = False
            self._held.read_on(self)

    def give(self, seq: int, frame: bytes) -> None:
        assert self.is_welcomed
        assert self.code is None
        assert not (self.reading and self.is_slow), "what is read from the store waits for the client"
        assert frame == wire.text_frame(entry_json(entry(seq)))
        self.seq = seq
        self.got.append(seq)

    def greeting(self) -> wire.Greeting:
        return wire.Greeting("s", "ann", 25.0)

    def greet(self, seq: int, welcome: bytes) -> None:
        assert not self.is_welcomed
        assert self.code is None
        said = json.loads(welcome)
        self.is_welcomed = True
        self.resumed = said["resumed"]
        self.got = [one["seq"] for one in said.get("entries", [{"seq": said["seq"]}])]
        self.seq = seq
        assert not self.got or self.got[-1] <= said["seq"]

    def close(self, code: int, reason: str = "") -> None:
        if self.code is None:
            self.code = code
            self._held.leave(self)

    def dismiss(self, code: CloseCode, reason: str = "") -> None:
        self.close(code)

    def revoke(self, revocation: Revocation) -> None:
        raise NotImplementedError


class World:
    """One stream, its log, a bus, and sessions that come, go and dawdle.

    :param sound: the store answers and the bus loses nothing, so no check of the head is needed. Otherwise the bus
        loses, repeats, delays and reorders.
    """

    def __init__(self, random: Random, sound: bool = False) -> None:
        self.sound = sound
        self.random = random
        self.log = Log(random)
        self.catch_up = CatchUp(cast("Store", self.log), SMALL, Tally(1))
        self.held = HeldStream("acme/ann", self.catch_up.wake, Tally(1))
        self.held.subscribed()
        self.followers: list[Follower] = []
        self.on_the_way: list[int] = []
        self.trimmed = False

    async def run(self, steps: int) -> None:
        actions: list[Any] = [self.publish] * 5 + [self.deliver] * 4 + [self.join, self.dawdle, self.drain]
        actions += [self.leave] if self.sound else [self.leave, self.trim, self.fail, self.deliver_nonsense]
        for _ in range(steps):
            self.random.choice(actions)()
            for _ in range(self.random.randrange(3)):
                await asyncio.sleep(0)
        await self.quiet()

    async def quiet(self) -> None:
        """The store answers, everybody reads, nothing is under way; where it is needed the head check looks, twice."""
        self.log.fails = False
        while self.sound and self.on_the_way:
            self.deliver()
        for _ in range(2):
            for follower in self.followers:
                follower.drain()
            if not self.sound and self.held.is_behind(Head(EPOCH, self.log.head)):
                self.held.doubt()
            await self.read()

    async def read(self) -> None:
        """Let the reader come to its end."""
        for _ in range(100_000):
            if not self.held.is_read:
                return
            await asyncio.sleep(0)
        raise AssertionError("the reader does not come to its end")

    def publish(self) -> None:
        self.log.head += 1
        if self.sound or self.random.random() < 0.8:
            self.on_the_way.append(self.log.head)

    def deliver(self) -> None:
        if self.on_the_way:
            if self.sound:
                self.receive(self.on_the_way.pop(0))
                return
            at = 0 if self.random.random() < 0.8 else self.random.randrange(len(self.on_the_way))
            seq = self.on_the_way[at] if self.random.random() < 0.1 else self.on_the_way.pop(at)
            self.receive(seq)

    def receive(self, seq: int) -> None:
        self.held.receive(seq, EPOCH, entry_json(entry(seq)))

    def deliver_nonsense(self) -> None:
        self.held.receive(self.random.randrange(1, 50), "e0", b"{}")

    def join(self) -> None:
        seq = self.random.randrange(self.log.head + 2)
        cursor = self.random.choice([None, Cursor(EPOCH, seq), Cursor(EPOCH, seq), Cursor("e0", seq)])
        follower = Follower(self.held, cursor)
        follower.can_resume = self.sound and cursor is not None and cursor.epoch == EPOCH and seq <= self.log.head
        self.followers.append(follower)
        self.held.members.append(follower)
        self.held.read_from(follower, cursor)

    def leave(self) -> None:
        if self.held.members:
            self.random.choice(self.held.members).close(1000)

    def dawdle(self) -> None:
        if self.followers:
            self.random.choice(self.followers).is_slow = True

    def drain(self) -> None:
        if self.followers:
            self.random.choice(self.followers).drain()

    def trim(self) -> None:
        if self.random.random() < 0.2:
            self.log.first = max(self.log.first, self.log.head - 8)
            self.trimmed = True

    def fail(self) -> None:
        self.log.fails = not self.log.fails

    def check(self) -> None:
        assert self.log.most_at_once <= 1, "reads of one stream are single-flight"
        for follower in self.followers:
            assert follower.got == list(range(follower.got[0], follower.got[-1] + 1)) if follower.got else True
            if follower.resumed:
                assert follower.cursor is not None
                assert follower.cursor.epoch == EPOCH
            if follower.resumed and follower.got and follower.cursor is not None:
                assert follower.got[0] == follower.cursor.seq + 1
            assert follower.resumed or not (follower.can_resume and follower.is_welcomed)
            if follower.code is None:
                assert follower.is_welcomed
                assert not follower.reading
                assert follower.seq == self.log.head
                assert not follower.got or follower.got[-1] == self.log.head
            assert follower.code != CloseCode.STREAM_RESET or self.trimmed
