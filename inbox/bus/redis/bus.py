"""The bus through Redis: one session after another, each as long as the node hears itself."""

import asyncio
import random
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager

import structlog
from redis.exceptions import RedisError

from inbox.bus.base import BusStatistics, Listener
from inbox.bus.redis.link import Link, connected, pack
from inbox.bus.redis.publisher import Publisher
from inbox.bus.redis.seal import Seal
from inbox.bus.redis.subscriber import Subscriber, channel
from inbox.bus.redis.words import PLAIN, Words
from inbox.ids import new_token
from inbox.redis_address import Address

log = structlog.get_logger()

_BACKOFF_MIN_S = 0.05
_CANCEL_AGAIN_S = 0.1


class RedisBus:
    """A process's pair of connections to Redis, one for each direction.

    Redis may be away, freeze or fail at any time. One rule covers it all: the node sends itself a heartbeat through
    both connections, and a session in which none comes back for ``deaf_after_s`` ends, whatever it was waiting for.

    :param url: see ``Address``.
    :param key: the secret of the messages' MAC, 32 bytes, the same in every process.
    :param echo_every_s: seconds between heartbeats.
    :param backoff_max_s: longest pause before connecting again.
    :param queue_frames: frames that may wait to be sent, in number, and in bytes with ``queue_bytes``; the newest
        beyond is dropped and counted.
    :param signal_keep_s: a signal that has waited for longer is dropped and counted too: it is for now or never.
    :param words: the kind of pub/sub.
    :param own: the name of the stream on which the node hears itself; none of a user's.
    :param doubt: called when Redis is not heard, or answers that it does not own a slot (Cluster).
    :raises ConfigError: ``url`` is not an address of Redis.
    """

    def __init__(
        self,
        url: str,
        key: bytes,
        *,
        echo_every_s: float = 1.0,
        deaf_after_s: float = 5.0,
        backoff_max_s: float = 2.0,
        queue_frames: int = 50_000,
        queue_bytes: int = 32 * 1024 * 1024,
        signal_keep_s: float = 2.0,
        words: Words = PLAIN,
        own: str | None = None,
        doubt: Callable[[], None] = lambda: None,
    ) -> None:
        self._address = Address(url)
        self._seal = Seal(key)
        # No stream of a user has this name: theirs hold a slash.
        self.own = own or new_token()
        self._words = words
        self._doubt = doubt
        self._publisher = Publisher(queue_frames, queue_bytes)
        self._signal_keep_s = signal_keep_s
        self.subscriber = Subscriber(self._seal, self.own, self._on_echo, words)
        self._echo_every_s = echo_every_s
        self._deaf_after_s = deaf_after_s
        self._backoff_max_s = backoff_max_s
        self._deadline: asyncio.Timeout | None = None
        self._degraded = True
        self._failures = 0
        self._reason = ""
        self._reconnects = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self, listener: Listener | None) -> None:
        self.subscriber.listener = listener
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            await cancel(self._task)
        await self._address.close()

    def wants(self, stream: str) -> bool:
        """Always: who listens is known to Redis only."""
        return True

    def publish(self, stream: str, seq: int, epoch: str, frame: bytes) -> None:
        self._publisher.put(self._command(stream, seq, epoch, frame), None if seq else self._signal_keep_s)

    async def subscribe(self, streams: Collection[str], timeout_s: float) -> bool:
        return await self.subscriber.subscribe(streams, timeout_s)

    def unsubscribe(self, streams: Collection[str]) -> None:
        self.subscriber.unsubscribe(streams)

    def resubscribe(self, streams: Collection[str]) -> None:
        self.subscriber.resubscribe(streams)

    def is_degraded(self) -> bool:
        return self._degraded

    def statistics(self) -> BusStatistics:
        return BusStatistics(
            published=self._publisher.published,
            dropped=self._publisher.dropped,
            received=self.subscriber.received,
            forged=self.subscriber.forged,
            gaps=self.subscriber.gaps,
            reconnects=self._reconnects,
            subscriptions=len(self.subscriber.wanted),
            degraded=self._degraded,
        )

    def _command(self, stream: str, seq: int, epoch: str, frame: bytes) -> bytes:
        return pack(self._words.publish, channel(stream), self._seal.close(stream, seq, epoch, frame))

    async def _run(self) -> None:
        while True:
            try:
                await self._session()
            except* (RedisError, OSError, TimeoutError) as group:
                self._on_failure(reason_of(group.exceptions[0]))
            except* Exception as group:
                # A bus that died of a surprise would leave the node deaf for good.
                log.error("bus_failed", exc_info=group)
                self._on_failure("unexpected")
            await asyncio.sleep(self._pause_s())

    async def _session(self) -> None:
        async with asyncio.timeout(self._deaf_after_s) as self._deadline:
            async with self._connected() as out, self._connected() as back:
                if self._deadline.expired():
                    raise TimeoutError("connecting took too long")  # redis-py can swallow the cancellation that says so
                await self.subscriber.open(back)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self.subscriber.read(back))
                    tasks.create_task(self.subscriber.ask(back))
                    tasks.create_task(self._publisher.run(out))
                    tasks.create_task(self._beat())

    def _connected(self) -> AbstractAsyncContextManager[Link]:
        return connected(self._address.connection(), self._doubt)

    async def _beat(self) -> None:
        while True:
            self._publisher.put_first(self._command(self.own, 0, "", b""))
            await asyncio.sleep(self._echo_every_s)

    def _on_echo(self) -> None:
        if self._deadline is None or self._deadline.expired():
            return
        self._deadline.reschedule(asyncio.get_running_loop().time() + self._deaf_after_s)
        self._degraded = False
        if self._failures:
            self._failures = 0
            self._reason = ""
            self._reconnects += 1
            log.info("bus_reconnected", subscriptions=len(self.subscriber.wanted))

    def _on_failure(self, reason: str) -> None:
        self._degraded = True
        self._failures += 1
        if reason != self._reason:
            log.warning("bus_degraded", reason=reason)
        self._reason = reason
        self._doubt()

    def _pause_s(self) -> float:
        longest = min(self._backoff_max_s, _BACKOFF_MIN_S * 2 ** min(self._failures, 10))
        return random.uniform(longest / 2, longest)


async def cancel(task: asyncio.Task[None]) -> None:
    """End ``task``. A cancellation that meets an error is lost in a TaskGroup (Python 3.11) and in redis-py: ask on."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_CANCEL_AGAIN_S)


def reason_of(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else "nothing was heard in time"
