"""The core's bars: publish, fan-out to a batch, publish → socket, pages, resume, memory."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect

from bench.load import Sample, Wire, get, hammer, open_wire, paced, post, sample

USERS = 10_000


class Target(Struct, frozen=True):
    """A running server: the backend's side and the user's side of it, and a backend token."""

    api: str
    url: str
    token: str


def notification(recipients: list[str], number: int) -> bytes:
    return json.dumps(
        {"recipients": recipients, "category": "orders", "title": f"Order {number} shipped", "body": "On its way."}
    ).encode()


async def user_token(target: Target, user: str) -> str:
    wire = await open_wire(target.api)
    _, body = await wire.request(post(f"/v1/users/{user}/tokens", target.token, b"{}"))
    wire.close()
    return str(json.loads(body)["token"])


async def singles(target: Target, total: int) -> Sample:
    """Durable publishes to one recipient each, from 32 clients."""
    raws = [post("/v1/notifications", target.token, notification([f"u{n * 7919 % USERS}"], n)) for n in range(total)]
    return await hammer(target.api, raws.__getitem__, clients=32, total=total, expect=202)


def _batches(target: Target, count: int) -> list[bytes]:
    everyone = [f"u{n}" for n in range(USERS)]
    slices = [everyone[n * 1_000 % USERS : n * 1_000 % USERS + 1_000] for n in range(count)]
    return [post("/v1/notifications", target.token, notification(part, n)) for n, part in enumerate(slices)]


async def batches(target: Target, count: int, clients: int) -> Sample:
    """Publishes to 1,000 recipients each over 10,000 users; ``per_s`` counts items."""
    raws = _batches(target, count)
    done = await hammer(target.api, raws.__getitem__, clients=clients, total=count, expect=202)
    return Sample(done.per_s * 1_000, done.p50_ms, done.p99_ms)


async def hello(url: str, token: str, **cursor: Any) -> tuple[ClientConnection, dict[str, Any]]:
    socket = await connect(url.replace("http", "ws", 1) + "/v1/ws", max_size=None, ping_interval=None)
    await socket.send(json.dumps({"t": "hello", "token": token, **cursor}))
    return socket, json.loads(await socket.recv())


async def to_socket(target: Target, per_s: float, count: int) -> Sample:
    """From the publish request to the frame in the user's socket, at an even rate."""
    users = [f"live{n}" for n in range(100)]
    sockets = [(await hello(target.url, await user_token(target, user)))[0] for user in users]
    sent: dict[str, float] = {}
    took: list[float] = []
    complete = asyncio.Event()

    async def listen(socket: ClientConnection) -> None:
        async for message in socket:
            entry = json.loads(message)
            if entry["t"] == "entry":
                took.append(time.perf_counter() - sent[entry["item"]["title"]])
                if len(took) == count:
                    complete.set()

    listeners = [asyncio.create_task(listen(socket)) for socket in sockets]
    wires: list[Wire] = [await open_wire(target.api) for _ in range(64)]
    free: asyncio.Queue[Wire] = asyncio.Queue()
    for wire in wires:
        free.put_nowait(wire)

    async def publish(number: int) -> None:
        raw = post("/v1/notifications", target.token, notification([users[number % 100]], number))
        sent[f"Order {number} shipped"] = time.perf_counter()
        wire = await free.get()
        await wire.request(raw)
        free.put_nowait(wire)

    lag_ms = await paced(per_s, count, publish)
    async with asyncio.timeout(10):
        await complete.wait()
    for listener in listeners:
        listener.cancel()
    await asyncio.gather(*listeners, return_exceptions=True)
    await asyncio.gather(*(socket.close() for socket in sockets))
    for wire in wires:
        wire.close()
    return sample(took, count / per_s, lag_ms)


async def fill(target: Target, user: str, items: int) -> None:
    raws = [post("/v1/notifications", target.token, notification([user], n)) for n in range(items)]
    await hammer(target.api, raws.__getitem__, clients=32, total=items, expect=202)


async def _page_after(target: Target, token: str, skipped: int) -> str:
    """The path of the page of 25 that follows the newest ``skipped`` items."""
    wire = await open_wire(target.url)
    before = ""
    for _ in range(skipped // 100):
        _, body = await wire.request(get(f"/v1/inbox?limit=100{before}", token))
        before = f"&before={json.loads(body)['next']}"
    wire.close()
    return f"/v1/inbox?limit=25{before}"


async def pages(target: Target, user: str, skipped: int, total: int) -> Sample:
    """Inbox pages of 25 that follow the newest ``skipped`` items, from 16 clients."""
    token = await user_token(target, user)
    raw = get(await _page_after(target, token, skipped), token)
    return await hammer(target.url, lambda _: raw, clients=16, total=total)


async def resumes(target: Target, user: str, missed: int = 300, total: int = 200) -> Sample:
    """From connecting to having all ``missed`` entries, one client after the other."""
    token = await user_token(target, user)
    socket, welcome = await hello(target.url, token)
    await socket.close()
    cursor = {"epoch": welcome["epoch"], "seq": welcome["seq"] - missed}
    took: list[float] = []
    began = time.perf_counter()
    for _ in range(total):
        start = time.perf_counter()
        socket, answer = await hello(target.url, token, cursor=cursor)
        have = cursor["seq"] + len(answer["entries"])
        while have < answer["seq"]:
            have = json.loads(await socket.recv())["seq"]
        took.append(time.perf_counter() - start)
        await socket.close()
    return sample(took, time.perf_counter() - began)


async def million(target: Target, rss_kb: Callable[[], int], items: int) -> list[int]:
    """The server's memory in MB, sampled ten times while ``items`` are published to 10,000 users.

    As many are published before: SQLite's page cache (64 MB) fills with the first of them, and then stays.
    """
    raws = _batches(target, 10)
    memory = []
    for _ in range(20):
        await hammer(target.api, lambda n: raws[n % 10], clients=4, total=items // 10_000, expect=202)
        memory.append(rss_kb() // 1024)
    return memory[10:]
