"""The way in: reads the subscribed channels, and keeps the subscriptions what they should be."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any

from inbox.bus.base import Listener
from inbox.bus.redis.link import Elsewhere, Link
from inbox.bus.redis.seal import Seal
from inbox.bus.redis.subscriptions import Subscriptions
from inbox.bus.redis.words import Words

PREFIX = "bw:"
_BATCH_STREAMS = 512
_GATHER_S = 0.004
_SOON_S = 0.006
_MANY = 32


def channel(stream: str) -> str:
    return PREFIX + stream


class _Answer:
    """What is waited for until Redis has confirmed a number of streams: one future for all of them."""

    __slots__ = ("done", "left")

    def __init__(self, streams: int) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.left = streams

    def confirm(self) -> None:
        self.left -= 1
        if not self.left:
            self.done.set_result(None)


class Subscriber:
    """Delivers to ``listener`` what comes sealed on a channel that is wanted.

    :param own: the name of this node's own stream, on which it hears itself.
    :param heard: called at each heartbeat of our own.
    :param words: the kind of pub/sub.
    """

    def __init__(self, seal: Seal, own: str, heard: Callable[[], None], words: Words) -> None:
        self.listener: Listener | None = None
        self._seal = seal
        self._own = own
        self._heard = heard
        self._words = words
        self._subscriptions = Subscriptions()
        self._answers: dict[str, _Answer] = {}
        self._changed = asyncio.Event()
        self._read_at = 0.0
        self.received = 0
        self.forged = 0
        self.gaps = 0

    @property
    def wanted(self) -> Collection[str]:
        return self._subscriptions.wanted

    async def subscribe(self, streams: Collection[str], timeout_s: float) -> bool:
        """Want ``streams``. Whether all were confirmed within ``timeout_s``; those that were not are owed a gap."""
        answers = self.want(streams)
        if not answers:
            return True
        try:
            await asyncio.wait(answers, timeout=timeout_s)
        finally:
            late = self.owe_late(streams)
        return not late

    def want(self, streams: Collection[str]) -> list[asyncio.Future[None]]:
        """Want ``streams``. What to wait for until all are confirmed."""
        missing = self._subscriptions.want(streams)
        self._changed.set()
        new = {stream for stream in missing if stream not in self._answers}
        if new:
            self._answers.update(dict.fromkeys(new, _Answer(len(new))))
        return list({self._answers[stream].done for stream in missing})

    def owe_late(self, streams: Collection[str]) -> list[str]:
        """Those of ``streams`` that are not confirmed; each is owed a gap from now on."""
        late = [stream for stream in streams if not self._subscriptions.is_settled(stream)]
        self._subscriptions.owe(late)
        return late

    def unsubscribe(self, streams: Collection[str]) -> None:
        self._subscriptions.forget(streams)
        for stream in streams:
            self._resolve(stream)
        self._changed.set()

    def resubscribe(self, streams: Collection[str]) -> None:
        self._subscriptions.owe(streams)
        self._changed.set()

    async def open(self, link: Link) -> None:
        """Begin on a new connection: from here on the node can hear itself, and must ask for everything else."""
        for reply in await link.call([self._words.ask(self._words.subscribe, [channel(self._own)])]):
            if isinstance(reply, Elsewhere):
                raise reply
        self._subscriptions.restart()
        self._changed.set()

    async def ask(self, link: Link) -> None:
        """Send what changed, in batches: hellos that arrive together share a command."""
        commands = (self._words.subscribe, self._words.unsubscribe)
        while True:
            await self._changed.wait()
            self._changed.clear()
            while any(questions := self._subscriptions.questions(_BATCH_STREAMS)):
                for command, streams in zip(commands, questions, strict=True):
                    if streams:
                        await link.send(self._words.ask(command, map(channel, streams)))

    def ask_again(self) -> None:
        """Ask what was refused before: somebody may own it now."""
        self._changed.set()

    async def read(self, link: Link) -> None:
        """Deliver until the link breaks. Nothing is awaited in between: Redis cuts off subscribers that read slowly.

        A message that comes alone is delivered at once. When one follows the other they are left to gather for a
        moment: to read, deliver and send ten together costs a third of doing it ten times.
        """
        await link.listen(self._receive)

    def _receive(self, replies: Sequence[Any]) -> float:
        before = self.received
        self._take(replies)
        came = self.received - before
        if not came or self.listener is None:
            return 0.0
        self.listener.flush()
        now = asyncio.get_running_loop().time()
        follows, self._read_at = now - self._read_at < _SOON_S, now
        return _GATHER_S if follows and came < _MANY else 0.0

    def _take(self, replies: Sequence[Any]) -> None:
        gaps: list[str] = []
        for reply in replies:
            if isinstance(reply, Elsewhere):
                self._subscriptions.refused()
            elif reply[0] == self._words.message:
                self._deliver(reply[1].decode()[len(PREFIX) :], reply[2])
            else:
                gaps += self._confirm(reply)
        if gaps and self.listener is not None:
            self.gaps += len(gaps)
            self.listener.gap(gaps)

    def _deliver(self, stream: str, message: bytes) -> None:
        opened = self._seal.open(stream, message)
        if opened is None:
            self.forged += 1
        elif stream == self._own:
            self._heard()
        elif stream in self._subscriptions.wanted and self.listener is not None:
            self.received += 1
            self.listener.receive(stream, *opened)

    def _confirm(self, reply: list[Any]) -> list[str]:
        """Take one confirmation. Returns the stream if it is to be reported as a gap."""
        stream = reply[1].decode()[len(PREFIX) :]
        gap = self._subscriptions.answered(stream, reply[0] == self._words.subscribed)
        if self._subscriptions.is_settled(stream):
            self._resolve(stream)
        else:
            self._changed.set()
        return [stream] if gap else []

    def _resolve(self, stream: str) -> None:
        answer = self._answers.pop(stream, None)
        if answer is not None:
            answer.confirm()
