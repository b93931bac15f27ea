"""Campaigns outlive the process that runs them: SIGKILL half-way, twice, on both stores."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

import pytest

from inbox.ids import stream_key
from inbox.model import Counts
from inbox.store.base import HEADS_MAX, Store
from tests.faults.judge import TENANT, judged, opened_store, shown_in
from tests.faults.pair import Pair
from tests.waiting import until

SOAK = "BELLWIRE_TEST_MEMBERS" in os.environ
"""``make soak`` has 100,000 members on both stores; here the MongoDB test server has fewer."""
MEMBERS = {"sqlite": 100_000, "mongo": int(os.environ.get("BELLWIRE_TEST_MEMBERS", "2_000"))}
RSS_KB = 250_000

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(3_000 if SOAK else 150)]


async def test_a_fan_out_killed_twice_half_way_reaches_each_member_exactly_once(pair: Pair, kind: str) -> None:
    members = [f"m{n:06d}" for n in range(MEMBERS[kind])]
    await pair.start(programs=1)
    (program,) = pair.programs
    await pair.make_topic("everybody", members)
    id = await pair.publish(0, topic="everybody", idempotency_key="campaign")
    for share in (0.3, 0.6):
        await _reached(pair, id, int(share * len(members)))
        await asyncio.to_thread(program.kill)
        await asyncio.to_thread(program.start)
    done = await pair.settled(id, "done", timeout_s=1_500 if SOAK else 90)
    assert (done["total"], done["fanned_out"]) == (len(members), len(members))
    assert await pair.publish(0, topic="everybody", idempotency_key="campaign") == id
    assert program.rss_kb() < RSS_KB
    async with opened_store(pair.fleet.environ) as store:
        await _each_has_one(store, members)
        found = await judged(store, members[:: len(members) // 50])
        assert {tuple(shown_in(each)) for each in found.values()} == {(id,)}


async def _reached(pair: Pair, id: str, least: int) -> None:
    async def is_so() -> bool:
        found = await pair.status(id)
        assert found["state"] == "running", "it ended before it could be killed"
        return bool(found["fanned_out"] >= least)

    await until(is_so, timeout_s=600)


async def _each_has_one(store: Store, members: list[str]) -> None:
    for start in range(0, len(members), HEADS_MAX):
        heads = await store.heads([stream_key(TENANT, user) for user in members[start : start + HEADS_MAX]])
        assert {(head.seq, head.counts) for head in heads} == {(1, Counts(1, 1))}


async def test_a_cancel_killed_half_way_leaves_nobody_with_the_item(pair: Pair, kind: str) -> None:
    members = [f"m{n:06d}" for n in range(MEMBERS[kind] // 5)]
    await pair.start(programs=1)
    (program,) = pair.programs
    await pair.make_topic("everybody", members)
    id = await pair.publish(0, topic="everybody")
    await pair.settled(id, "done", timeout_s=600)
    await pair.ask(0, "POST", f"/v1/notifications/{id}/cancel")
    await asyncio.to_thread(program.kill)
    await asyncio.to_thread(program.start)
    streams = [stream_key(TENANT, user) for user in members[:: len(members) // 100]]
    async with opened_store(pair.fleet.environ) as store:

        async def all_gone() -> bool:
            return all(head.counts == Counts() for head in await store.heads(streams))

        await until(all_gone, timeout_s=60)
        found = await judged(store, members[:: len(members) // 50])
        assert {(len(each.items), each.head.seq) for each in found.values()} == {(0, 2)}


async def test_what_is_scheduled_survives_a_kill_and_is_sent_within_a_second(pair: Pair) -> None:
    await pair.start(programs=1)
    (program,) = pair.programs
    users = [f"s{n}" for n in range(20)]
    at = datetime.now(UTC) + timedelta(seconds=20)
    for user in users:
        await pair.publish(0, recipients=[user], send_at=at.isoformat())
    taken_back = await pair.publish(0, recipients=users, send_at=at.isoformat())
    await pair.ask(0, "POST", f"/v1/notifications/{taken_back}/cancel")
    await asyncio.to_thread(program.kill)
    await asyncio.to_thread(program.start)
    assert datetime.now(UTC) < at, "the machine is too slow for this test"
    async with opened_store(pair.fleet.environ) as store:
        streams = [stream_key(TENANT, user) for user in users]

        async def all_sent() -> bool:
            return all(head.seq > 0 for head in await store.heads(streams))

        await until(all_sent, timeout_s=30)
        late_s = (datetime.now(UTC) - at).total_seconds()
        assert 0 <= late_s <= 1.0, f"sent {late_s:.2f} s after it was due"
        found = await judged(store, users)
        assert {len(each.items) for each in found.values()} == {1}
