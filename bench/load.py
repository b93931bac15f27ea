"""A lean HTTP/1.1 load generator: one raw connection a client, requests built before the clock starts."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import cast
from urllib.parse import urlsplit

from msgspec import Struct

Request = Callable[[int], bytes]


class Sample(Struct, frozen=True):
    """What a run showed: requests per second, latency percentiles, and how late the generator itself was (p99)."""

    per_s: float
    p50_ms: float
    p99_ms: float
    lag_ms: float = 0.0


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def sample(latencies_s: list[float], took_s: float, lag_ms: float = 0.0) -> Sample:
    p50_ms, p99_ms = (percentile(latencies_s, share) * 1_000 for share in (0.5, 0.99))
    return Sample(len(latencies_s) / took_s, p50_ms, p99_ms, lag_ms)


class Wire(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0 or self._answer is None:
            return
        head = bytes(self._buffer[:head_end])
        at = head.lower().index(b"content-length:") + 15
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(self._buffer) < head_end + 4 + length:
            return
        body = bytes(self._buffer[head_end + 4 : head_end + 4 + length])
        self._buffer.clear()
        self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server closed the connection"))

    async def request(self, raw: bytes) -> tuple[int, bytes]:
        """Send ``raw``; the status and body of the answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(raw)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def open_wire(url: str) -> Wire:
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(Wire, parts.hostname or "127.0.0.1", parts.port or 80)
    return wire


def get(path: str, token: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def post(path: str, token: str, body: bytes, kind: str = "application/json", method: str = "POST") -> bytes:
    login = f"Authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{login}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def hammer(url: str, request: Request, *, clients: int, total: int, expect: int = 200) -> Sample:
    """``clients`` connections share ``total`` requests, each as fast as its answers come."""
    wires = [await open_wire(url) for _ in range(clients)]
    numbers = iter(range(total))
    latencies: list[float] = []

    async def client(wire: Wire) -> None:
        for number in numbers:
            raw = request(number)
            began = time.perf_counter()
            status, body = await wire.request(raw)
            latencies.append(time.perf_counter() - began)
            if status != expect:
                raise AssertionError(f"expected {expect}, got {status}: {body[:300]!r}")

    began = time.perf_counter()
    await asyncio.gather(*(client(wire) for wire in wires))
    took = time.perf_counter() - began
    for wire in wires:
        wire.close()
    return sample(latencies, took)


async def paced(per_s: float, count: int, once: Callable[[int], Awaitable[object]]) -> float:
    """Start ``once(n)`` at an even rate without waiting for it; how late the generator itself was (p99, ms)."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    running: list[asyncio.Future[object]] = []
    lags: list[float] = []
    for number in range(count):
        due = began + number / per_s
        if (wait := due - loop.time()) > 0:
            await asyncio.sleep(wait)
        lags.append(loop.time() - due)
        running.append(asyncio.ensure_future(once(number)))
    await asyncio.gather(*running)
    return percentile(lags, 0.99) * 1_000
