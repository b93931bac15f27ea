"""Operations: /healthz, /readyz, /metrics. Open to whoever reaches the port; they tell nothing about any user."""

import asyncio
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from gateway.http.endpoint import json_answer
from inbox.errors import Unavailable
from inbox.store.base import Store
from inbox.times import monotonic_s

PING_TIMEOUT_S = 2.0
PING_CACHE_S = 1.0


class Ops:
    """:param is_draining: whether the process is on its way out."""

    def __init__(self, store: Store, registry: CollectorRegistry, is_draining: Callable[[], bool]) -> None:
        self._store = store
        self._registry = registry
        self._is_draining = is_draining
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._answers = False

    async def healthz(self, request: Request) -> Response:
        return json_answer(b'{"status":"alive"}')

    async def readyz(self, request: Request) -> Response:
        """Whether to send requests here. A bus that is away is no reason not to: the store answers."""
        if self._is_draining():
            raise Unavailable("this process is shutting down")
        if not await self._store_answers():
            raise Unavailable("the store does not answer")
        return json_answer(b'{"status":"ready"}')

    async def metrics(self, request: Request) -> Response:
        return Response(generate_latest(self._registry), headers={"content-type": CONTENT_TYPE_LATEST})

    async def _store_answers(self) -> bool:
        async with self._asking:
            if monotonic_s() - self._asked_at > PING_CACHE_S:
                self._answers = await self._ping()
                self._asked_at = monotonic_s()
            return self._answers

    async def _ping(self) -> bool:
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self._store.ping()
        except (Unavailable, TimeoutError):
            return False
        return True
