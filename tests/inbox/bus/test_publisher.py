"""The queue on the way out: its bounds, and what it does when Redis does not take anything."""

import asyncio
from typing import Any

import pytest

from inbox.bus.redis.link import Elsewhere, Link
from inbox.bus.redis.publisher import Publisher
from tests.waiting import until

pytestmark = pytest.mark.anyio


class Script(Link):
    """A link that records calls, and answers them, with ``replies`` if there are any, only while ``open`` is set."""

    def __init__(self) -> None:
        self.calls: list[list[bytes]] = []
        self.open = asyncio.Event()
        self.replies: list[Any] = []

    async def call(self, commands: list[bytes]) -> list[Any]:  # type: ignore[override]
        self.calls.append(commands)
        await self.open.wait()
        return self.replies or [1 for _ in commands]


async def test_beyond_the_number_the_newest_is_dropped_and_counted() -> None:
    publisher = Publisher(max_frames=2, max_bytes=100)
    for command in (b"1", b"2", b"3"):
        publisher.put(command)
    assert publisher.dropped == 1
    assert await _sent(publisher) == [b"1", b"2"]


async def test_beyond_the_bytes_the_newest_is_dropped_and_counted() -> None:
    publisher = Publisher(max_frames=100, max_bytes=10)
    for command in (b"a" * 6, b"b" * 6, b"c" * 4):
        publisher.put(command)
    assert publisher.dropped == 1
    assert await _sent(publisher) == [b"a" * 6, b"c" * 4]


async def test_the_bounds_count_what_waits_not_what_was_sent() -> None:
    publisher = Publisher(max_frames=1, max_bytes=1)
    for _ in range(3):
        publisher.put(b"1")
        assert await _sent(publisher) == [b"1"]
    assert (publisher.published, publisher.dropped) == (3, 0)


async def test_a_batch_in_flight_when_the_link_breaks_is_dropped_and_what_waits_is_kept() -> None:
    publisher = Publisher(max_frames=100, max_bytes=100)
    link = Script()
    publisher.put(b"1")
    running = asyncio.create_task(publisher.run(link))
    await until(lambda: link.calls == [[b"1"]])
    publisher.put(b"2")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (publisher.published, publisher.dropped) == (0, 1)
    assert await _sent(publisher) == [b"2"]


async def test_a_heartbeat_goes_first_even_when_the_queue_is_full_and_is_not_counted() -> None:
    publisher = Publisher(max_frames=1, max_bytes=100)
    publisher.put(b"1")
    publisher.put_first(b"beat")
    assert await _sent(publisher) == [b"beat", b"1"]
    assert (publisher.published, publisher.dropped) == (1, 0)


async def test_heartbeats_do_not_pile_up_while_there_is_no_link() -> None:
    publisher = Publisher(max_frames=1, max_bytes=100)
    for beat in (b"1", b"2", b"3"):
        publisher.put_first(beat)
    assert await _sent(publisher) == [b"3"]


async def test_a_frame_that_a_cluster_answers_is_elsewhere_is_dropped_and_the_others_are_published() -> None:
    publisher = Publisher(max_frames=10, max_bytes=100)
    for command in (b"1", b"2", b"3"):
        publisher.put(command)
    publisher.put_first(b"beat")
    link = Script()
    link.replies = [Elsewhere("MOVED"), 1, Elsewhere("MOVED"), 1]
    assert await _sent(publisher, link) == [b"beat", b"1", b"2", b"3"]
    assert (publisher.published, publisher.dropped) == (2, 1)


async def test_what_is_for_now_is_dropped_and_counted_when_its_turn_comes_too_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("inbox.bus.redis.publisher.monotonic_s", lambda: now)
    publisher = Publisher(max_frames=3, max_bytes=3)
    publisher.put(b"1", keep_s=2)
    publisher.put(b"2")
    publisher.put(b"3", keep_s=4)
    now += 3
    assert await _sent(publisher) == [b"2", b"3"]
    assert (publisher.published, publisher.dropped) == (2, 1)


async def test_nothing_is_sent_when_all_that_waits_is_too_late() -> None:
    publisher = Publisher(max_frames=1, max_bytes=1)
    link = Script()
    link.open.set()
    running = asyncio.create_task(publisher.run(link))
    publisher.put(b"1", keep_s=0)
    await until(lambda: publisher.dropped == 1)
    publisher.put(b"2")
    await until(lambda: publisher.published == 1)
    running.cancel()
    assert link.calls == [[b"2"]]


async def test_a_batch_is_bounded() -> None:
    publisher = Publisher(max_frames=10_000, max_bytes=10_000)
    for _ in range(1_000):
        publisher.put(b"1")
    link = Script()
    running = asyncio.create_task(publisher.run(link))
    await until(lambda: bool(link.calls))
    assert len(link.calls[0]) == 512
    running.cancel()


async def _sent(publisher: Publisher, link: Script | None = None) -> list[bytes]:
    """What goes out in one batch over a link that answers."""
    link = link or Script()
    link.open.set()
    running = asyncio.create_task(publisher.run(link))
    await until(lambda: bool(link.calls))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    (batch,) = link.calls
    return batch
