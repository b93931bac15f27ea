"""One live channel, and how its signals come to its sessions. Best effort by design."""

import asyncio
from collections.abc import Sequence
from operator import length_hint
from typing import Protocol

from gateway.live.outgoing import Shared

PORTION = 100
"""Sessions that are offered a channel's signals in one turn of the loop: a millisecond, mostly the kernel's."""
PORTION_BYTES = 2 * 1024 * 1024
"""Fewer are, if more than this could be written to them."""
PACE_S = 0.012
"""From the beginning of a round to that of the next one, in channels of more than a portion. It is the writes that
cost: signals that follow each other so closely share them, and a session waits for none of them longer than this."""


class Subscriber(Protocol):
    """A session in a channel. See ``Connection``."""

    def offer(self, frames: bytes) -> bool:
        """Take ``frames``, unless the client is too slow: then they are lost to it, and False."""
        ...

    def say(self, payload: bytes) -> None: ...


class Round:
    """One way through the sessions of a channel.

    :param members: the sessions.
    :param signals: how many had come when it began: at its end nobody lacks any of them.
    :param next_at: when the next one may begin, in seconds.
    """

    __slots__ = ("left", "next_at", "signals")

    def __init__(self, members: Sequence[Subscriber], signals: int, next_at: float) -> None:
        self.left = iter(members)
        self.signals = signals
        self.next_at = next_at

    def is_over(self) -> bool:
        return not length_hint(self.left)


_NONE = Round((), 0, 0.0)


class Channel:
    """One channel: its sessions, its subscription while that is under way, and the signals that go round.

    Signals go round the sessions as on a carousel, a portion in each turn of the loop: whoever they come to is given
    all that it has not had, in one write. So no signal waits for the round of another to end, nobody else waits for
    a round, and sessions come and go meanwhile.

    ``members`` says how many signals each was given, or was too early for.
    """

    __slots__ = (
        "_added",
        "_bytes",
        "_frames",
        "_is_planned",
        "_round",
        "_shared",
        "_waiting",
        "_waiting_bytes",
        "members",
        "subscription",
    )

    def __init__(self, shared: Shared) -> None:
        self.members: dict[Subscriber, int] = {}
        self.subscription: asyncio.Task[None] | None = None
        self._shared = shared
        self._added = 0
        # The newest, as many as somebody may lack.
        self._frames: list[bytes] = []
        self._bytes = 0
        # Those for which there is no room on the round.
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._round = _NONE
        self._is_planned = False

    def enter(self, member: Subscriber) -> None:
        """Give ``member`` what comes from now on. It does no harm if it is in already."""
        self.members.setdefault(member, self._added + len(self._waiting))

    def leave(self, member: Subscriber) -> None:
        """Give ``member`` nothing more."""
        del self.members[member]

    def add(self, frame: bytes) -> None:
        """One more signal. As many go round at once as a session may be owed, others wait; beyond that it is lost."""
        if self._waiting or not self._has_room(frame):
            self._keep_waiting(frame)
            return
        self._take(frame)
        self._plan()

    def flush(self) -> None:
        """Go on with the round by a portion; the next is for the next turn, or for when a new round may begin."""
        self._is_planned = False
        if self._round.is_over():
            self._begin_round()
        self._go_on(min(PORTION, max(1, PORTION_BYTES // (self._bytes or 1))))
        if self._round.is_over():
            self._end_round()
        self._plan()

    def _take(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._bytes += len(frame)
        self._added += 1

    def _plan(self) -> None:
        if not self._frames or self._is_planned:
            return
        self._is_planned = True
        outbox = self._shared.outbox
        if self._round.is_over() and (wait_s := self._round.next_at - outbox.time()) > 0:
            outbox.add_later(self, wait_s)
        else:
            outbox.add(self)

    def _has_room(self, frame: bytes) -> bool:
        return not self._frames or self._bytes + len(frame) <= self._shared.limits.write_soft_bytes

    def _keep_waiting(self, frame: bytes) -> None:
        if self._waiting_bytes + len(frame) > self._shared.limits.channel_bytes:
            self._shared.tally.signals_lost += len(self.members)
        else:
            self._waiting.append(frame)
            self._waiting_bytes += len(frame)

    def _let_in(self) -> None:
        """Have those go round that waited, as far as there is room."""
        count = 0
        for frame in self._waiting:
            if not self._has_room(frame):
                break
            self._take(frame)
            self._waiting_bytes -= len(frame)
            count += 1
        del self._waiting[:count]

    def _begin_round(self) -> None:
        members, now = list(self.members), self._shared.outbox.time()
        # A timer that is late by a little sets no new pace.
        due_at = self._round.next_at if now < self._round.next_at + PACE_S else now
        next_at = due_at + PACE_S if len(members) > PORTION else now
        self._round = Round(members, self._added, next_at)

    def _end_round(self) -> None:
        """Keep what came since it began, for those who were before that, and let in what waited."""
        lacking = self._added - self._round.signals
        self._frames = self._frames[len(self._frames) - lacking :]
        self._bytes = sum(map(len, self._frames))
        self._let_in()

    def _go_on(self, most: int) -> None:
        """Give the next ``most`` in the round what they lack."""
        members, added, left = self.members, self._added, self._round.left
        last, together = added, b""
        given = lost = 0
        for member in left:
            had = members.get(member, added)
            if had >= added:
                continue
            if had != last:
                together, last = b"".join(self._frames[had - added :]), had
            members[member] = added
            given += added - had
            if not member.offer(together):
                lost += added - had
            most -= 1
            if not most:
                break
        self._shared.tally.signals_sent += given - lost
        self._shared.tally.signals_lost += lost
