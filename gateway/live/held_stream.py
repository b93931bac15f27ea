"""One user's stream on this node: who follows it, and who has to be brought up to date from the store first. No I/O."""

import sys
from collections.abc import Callable
from typing import Protocol

from gateway.live import wire
from gateway.live.codes import CloseCode
from gateway.live.statistics import Tally
from inbox.model import Cursor, Head
from inbox.registered import Revocation
from inbox.stream import Reassembly


class Member(Protocol):
    """A session that follows a stream. See ``Connection``."""

    id: str
    seq: int
    reading: bool
    stalled: bool

    @property
    def is_welcomed(self) -> bool: ...

    def is_full(self) -> bool: ...

    def give(self, seq: int, frame: bytes) -> None: ...

    def greeting(self) -> wire.Greeting: ...

    def greet(self, seq: int, welcome: bytes) -> None: ...

    def close(self, code: int, reason: str = "") -> None: ...

    def dismiss(self, code: CloseCode, reason: str = "") -> None: ...

    def revoke(self, revocation: Revocation) -> None: ...


class HeldStream:
    """The sessions of one stream.

    Each is either live, and then stands where the stream stands here, or ``reading``: then it takes part in the rounds
    of the one reader. What comes live during a round is kept for those in it.

    ``epoch`` is empty until the first round. ``members`` are in the order they came. Nobody is read for before the
    bus has confirmed the subscription, or has been waited for.

    :param wake: called when somebody has to be read for and no reader is at work.
    """

    __slots__ = (
        "_is_subscribed",
        "_tally",
        "_waiting",
        "_wake",
        "doubtful",
        "epoch",
        "is_read",
        "kept",
        "key",
        "members",
    )

    def __init__(self, key: str, wake: "Callable[[HeldStream], None]", tally: Tally) -> None:
        self.key = key
        self.epoch = ""
        self.members: list[Member] = []
        self.kept: Reassembly[bytes] | None = None
        self.doubtful = False
        self.is_read = False
        self._waiting: dict[Member, Cursor | None] | None = None
        self._is_subscribed = False
        self._wake = wake
        self._tally = tally

    def receive(self, seq: int, epoch: str, payload: bytes) -> None:
        """An entry came live."""
        if epoch != self.epoch:
            self.doubt()
            return
        if self.kept is not None:
            self.kept.keep(seq, payload)
        frame = wire.text_frame(payload)
        for member in self.members:
            if member.reading or seq <= member.seq:
                continue
            if seq == member.seq + 1:
                member.give(seq, frame)
            else:
                self._tally.gaps_repaired += 1
                self.read_on(member)

    def doubt(self) -> None:
        """Something does not fit what is known here: only the store can tell, so everybody reads on."""
        self.doubtful = True
        for member in self.members:
            if not member.reading:
                self.read_on(member)

    def is_behind(self, head: Head) -> bool:
        """Whether a live session lacks something, if the stream stands at ``head``."""
        return any(
            head.epoch != self.epoch or member.seq < head.seq
            for member in self.members
            if member.is_welcomed and not member.reading
        )

    def read_on(self, member: Member) -> None:
        """Bring ``member`` from where it stands up to date."""
        self.read_from(member, Cursor(self.epoch, member.seq))

    def read_from(self, member: Member, cursor: Cursor | None) -> None:
        """Bring ``member`` up to date from ``cursor``; ``None``: with a snapshot."""
        member.reading = True
        if self._waiting is None:
            self._waiting = {}
        self._waiting[member] = cursor
        self._wake_reader()

    def subscribed(self) -> None:
        """From now on whatever is written after a read began comes live, or is reported as a gap."""
        self._is_subscribed = True
        self._wake_reader()

    def leave(self, member: Member) -> None:
        """``member`` takes nothing more."""
        self.members.remove(member)
        if self._waiting is not None:
            self._waiting.pop(member, None)

    def begin_round(self, keep_frames: int) -> dict[Member, Cursor | None]:
        """Who takes part in the round that begins now, with the cursor each comes with."""
        wanted, self._waiting = self._waiting, None
        self.kept = Reassembly(keep_frames)
        self.doubtful = False
        return wanted or {}

    def end_round(self) -> None:
        """Everybody in it was served. Who waits by now is in another."""
        self.kept = None
        self.is_read = False
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._is_subscribed and self._waiting and not self.is_read:
            self.is_read = True
            self._wake(self)

    def stand(self, head: Head) -> None:
        """The store says that the stream stands at ``head``: sessions of another incarnation must start over."""
        if self.epoch and self.epoch != head.epoch:
            for member in list(self.members):
                if member.is_welcomed:
                    member.close(CloseCode.STREAM_RESET, "the stream was started over")
        # Most streams are of the same incarnation: one string for all of them.
        self.epoch = sys.intern(head.epoch)

    def settle(self, member: Member, head_seq: int) -> None:
        """``member`` was given what this round had: it is live now, or takes part in the next round."""
        known = head_seq if self.kept is None else max(head_seq, self.kept.high)
        if member.seq >= known and not self.doubtful:
            member.reading = False
        elif member.is_full():
            member.stalled = True
        else:
            self.read_on(member)
