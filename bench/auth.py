"""What authentication adds to a request.

A route that does nothing, asked in process, with a gate in front and without: 20,000 requests a run.
"New tokens" has another token in every request, so each signature is checked; a real client sends one for 15 minutes.
"""

import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import AsyncMock

from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from gateway.auth.access import AccessTokens
from gateway.auth.clients import new_client
from gateway.auth.keyring import KeyRing
from gateway.auth.standing import Standings
from gateway.auth.tokens import UserTokens, mint_user
from gateway.http.access import Gate
from gateway.http.endpoint import Endpoint, json_answer
from gateway.http.limits import RequestLimits, limits_of_users
from gateway.metrics import RequestMetrics
from gateway.rate import Rate
from gateway.settings import Settings
from inbox.registered import StoredKey
from inbox.store.base import Store
from inbox.times import now_ms

REQUESTS = 20_000

CLIENT, _ = new_client("default", "bench", ["users"])
SETTINGS = Settings()


async def keys() -> tuple[StoredKey, ...]:
    return (StoredKey("bench", bytes(range(32)), now_ms()),)


class Bench:
    """The gate, and requests to stand before it."""

    def __init__(self, ring: KeyRing) -> None:
        store = AsyncMock(Store)
        store.client.return_value = CLIENT
        self.ring = ring
        self.access = AccessTokens(ring)
        limits = RequestLimits("client", Rate(1e9, 10**9), 500, 1)
        self.gate = Gate(self.access, UserTokens(ring, SETTINGS), Standings(store), limits, limits_of_users())

    async def open(self, request: Request) -> Response:
        return json_answer(b"{}")

    async def backend(self, request: Request) -> Response:
        await self.gate.backend(request, "users")
        return json_answer(b"{}")

    async def user(self, request: Request) -> Response:
        await self.gate.user(request)
        return json_answer(b"{}")

    def access_tokens(self, count: int) -> list[str]:
        """``count`` tokens that differ: each has one more scope, of another name."""
        return [self.access.mint(CLIENT, ["users", f"n{number}"]) for number in range(count)]

    def user_tokens(self, count: int) -> list[str]:
        return [mint_user(self.ring, SETTINGS, "default", f"user{number}", 3_600).token for number in range(count)]


async def took_us(handler: Callable[[Request], Awaitable[Response]], tokens: list[str]) -> float:
    """The median over the requests, in microseconds."""
    endpoint = Endpoint("/", {"GET": handler}, RequestMetrics(CollectorRegistry()))

    async def send(message: Any) -> None:
        return None

    async def receive() -> Any:
        raise AssertionError("nobody reads the body")

    samples = []
    for token in tokens:
        head = [(b"host", b"x"), (b"accept", b"*/*"), (b"authorization", b"Bearer " + token.encode())]
        scope = {"type": "http", "method": "GET", "path": "/", "headers": head, "query_string": b"", "path_params": {}}
        began = time.perf_counter()
        await endpoint(scope, receive, send)
        samples.append(time.perf_counter() - began)
    return statistics.median(samples) * 1e6


async def added_us(runs: int) -> dict[str, float]:
    """What each kind of token adds, in microseconds: the medians over ``runs`` runs."""
    async with KeyRing(keys) as ring:
        bench = Bench(ring)
        nobody = ["-"] * REQUESTS
        rows = {
            "backend, the same token": (bench.backend, bench.access_tokens(1) * REQUESTS),
            "backend, new tokens": (bench.backend, bench.access_tokens(REQUESTS)),
            "user, new tokens": (bench.user, bench.user_tokens(REQUESTS)),
        }
        without = statistics.median([await took_us(bench.open, nobody) for _ in range(runs)])
        return {
            what: statistics.median([await took_us(handler, tokens) for _ in range(runs)]) - without
            for what, (handler, tokens) in rows.items()
        }
