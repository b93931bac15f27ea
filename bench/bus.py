"""What a message on the Redis bus costs a process, in CPU time: ``python -m bench.bus``.

Medians of 5 runs of 100,000 messages of 600 bytes over 1,000 streams, on uvloop, with a redis-server of its own.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

import uvloop

from inbox.bus.redis import RedisBus
from tests.servers.redis import RedisServer
from tests.waiting import until

RUNS = 5
MESSAGES = 100_000
STREAMS = [f"bench/user-{number}" for number in range(1_000)]
FRAME = bytes(600)
KEY = bytes(range(32))
# Below what a bus lets wait, so that nothing is dropped.
BURST = 20_000


class Tally:
    def __init__(self) -> None:
        self.received = 0

    def receive(self, stream: str, seq: int, epoch: str, frame: bytes) -> None:
        self.received += 1

    def flush(self) -> None:
        return None

    def gap(self, streams: Collection[str]) -> None:
        return None


async def publish(url: str) -> tuple[float, float]:
    """CPU microseconds a message: of ``publish`` alone, and with the sending."""
    bus = RedisBus(url, KEY)
    await bus.start(None)
    await until(lambda: not bus.is_degraded())
    inside = 0.0
    begun = time.process_time()
    for at in range(0, MESSAGES, BURST):
        entered = time.process_time()
        for seq in range(at, at + BURST):
            bus.publish(STREAMS[seq % len(STREAMS)], seq, "g.0", FRAME)
        inside += time.process_time() - entered
        await until(lambda sent=at + BURST: bus.statistics().published == sent)
    total = time.process_time() - begun
    await bus.close()
    return inside / MESSAGES * 1e6, total / MESSAGES * 1e6


async def receive(url: str) -> float:
    """CPU microseconds a message of reading what another process publishes."""
    bus, tally = RedisBus(url, KEY), Tally()
    await bus.start(tally)
    assert await bus.subscribe(STREAMS, timeout_s=5)
    publisher = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.bus", url)
    begun = time.process_time()
    await until(lambda: tally.received == MESSAGES, timeout_s=60)
    spent = time.process_time() - begun
    await publisher.wait()
    await bus.close()
    return spent / MESSAGES * 1e6


async def median(once: Callable[[], Awaitable[float]]) -> float:
    return statistics.median([await once() for _ in range(RUNS)])


async def table(url: str) -> None:
    costs = [await publish(url) for _ in range(RUNS)]
    alone, sent = (statistics.median(column) for column in zip(*costs, strict=True))
    read = await median(lambda: receive(url))
    say(f"publish, as its caller feels it      {alone:5.2f} us a message")
    say(f"publish, with the sending            {sent:5.2f} us a message  {1e6 / sent:9,.0f}/s a core")
    say(f"receive, MAC verified                {read:5.2f} us a message  {1e6 / read:9,.0f}/s a core")


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def main() -> None:
    if len(sys.argv) == 2:
        uvloop.run(publish(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as directory:
        server = RedisServer(Path(directory))
        server.start()
        try:
            uvloop.run(table(server.url))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
