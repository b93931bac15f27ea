"""The bars of campaigns: filling a topic, publishing to it beside other work, firing what is due in one second."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from functools import partial

from bench.core import Target, hello, notification, user_token
from bench.load import Sample, Wire, get, hammer, open_wire, paced, post, sample
from tests.waiting import until

CHUNK = 1_000
BESIDE_PER_S = 100.0
SOCKETS = 100
LEAD_S = 3.0
"""Between the last of the 5,000 scheduled and the moment they are due."""


def topic_of(members: int) -> str:
    return f"everybody-{members}"


async def fill_topic(target: Target, members: int) -> Sample:
    """Add ``members`` users to a new topic, 1,000 a request, one request after the other."""
    topic = topic_of(members)
    wire = await open_wire(target.api)
    await wire.request(post(f"/v1/topics/{topic}", target.token, b"{}", method="PUT"))
    wire.close()
    users = [[f"m{n}" for n in range(start, start + CHUNK)] for start in range(0, members, CHUNK)]
    raws = [post(f"/v1/topics/{topic}/members", target.token, json.dumps({"add": part}).encode()) for part in users]
    done = await hammer(target.api, raws.__getitem__, clients=1, total=len(raws))
    return Sample(done.per_s * CHUNK, done.p50_ms, done.p99_ms)


async def to_topic(target: Target, members: int) -> tuple[Sample, Sample]:
    """One publish to the topic: items a second; and single publishes at an even rate beside it."""
    wire = await open_wire(target.api)
    body = json.dumps({"topic": topic_of(members), "title": "To everybody"}).encode()
    began = time.perf_counter()
    _, answer = await wire.request(post("/v1/notifications", target.token, body))
    over = asyncio.Event()
    beside = asyncio.create_task(_beside(target, over))
    await until(partial(_is_done, wire, target, json.loads(answer)["id"]), timeout_s=600)
    took_s = time.perf_counter() - began
    over.set()
    latencies_s = await beside
    wire.close()
    return Sample(members / took_s, took_s * 1_000, took_s * 1_000), sample(latencies_s, took_s)


async def _is_done(wire: Wire, target: Target, id: str) -> bool:
    _, answer = await wire.request(get(f"/v1/notifications/{id}", target.token))
    return bool(json.loads(answer)["state"] == "done")


async def _beside(target: Target, over: asyncio.Event) -> list[float]:
    """Single publishes until ``over``; how long each took, from the moment it was due."""
    took: list[float] = []
    wires: asyncio.Queue[Wire] = asyncio.Queue()
    for _ in range(32):
        wires.put_nowait(await open_wire(target.api))

    async def publish(number: int) -> None:
        began = time.perf_counter()
        wire = await wires.get()
        await wire.request(post("/v1/notifications", target.token, notification([f"b{number % 500}"], number)))
        took.append(time.perf_counter() - began)
        wires.put_nowait(wire)

    while not over.is_set():
        await paced(BESIDE_PER_S, 10, publish)
    while not wires.empty():
        wires.get_nowait().close()
    return took


async def schedule(target: Target, waiting: int) -> Sample:
    """Schedule ``waiting`` notifications for tomorrow, from 32 clients."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    raws = [_scheduled(target, f"s{n % 10_000}", n, tomorrow) for n in range(waiting)]
    return await hammer(target.api, raws.__getitem__, clients=32, total=waiting, expect=202)


async def fire(target: Target, due: int) -> Sample:
    """From the moment that ``due`` notifications share to each one's frame in its user's socket."""
    users = [f"fire{n}" for n in range(SOCKETS)]
    sockets = [(await hello(target.url, await user_token(target, user)))[0] for user in users]
    at = datetime.now(UTC) + timedelta(seconds=LEAD_S + due / 400)
    took: list[float] = []

    async def listen(number: int) -> None:
        missing = due // SOCKETS + (number < due % SOCKETS)
        while missing:
            if json.loads(await sockets[number].recv())["t"] == "ping":
                await sockets[number].send('{"t":"pong"}')
            else:
                took.append((datetime.now(UTC) - at).total_seconds())
                missing -= 1

    listening = asyncio.gather(*(listen(number) for number in range(SOCKETS)))
    raws = [_scheduled(target, users[n % SOCKETS], n, at.isoformat()) for n in range(due)]
    await hammer(target.api, raws.__getitem__, clients=32, total=due, expect=202)
    if datetime.now(UTC) > at:
        raise AssertionError("scheduling took longer than it was given")
    async with asyncio.timeout(120):
        await listening
    await asyncio.gather(*(socket.close() for socket in sockets))
    last_s = max(took)
    return Sample(due / last_s, sample(took, last_s).p50_ms, last_s * 1_000)


def _scheduled(target: Target, user: str, number: int, send_at: str) -> bytes:
    body = {**json.loads(notification([user], number)), "send_at": send_at}
    return post("/v1/notifications", target.token, json.dumps(body).encode())
