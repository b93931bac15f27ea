"""/healthz, /readyz, /metrics."""

import asyncio
from unittest.mock import AsyncMock

import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request

from gateway.http import ops
from gateway.http.ops import Ops
from inbox.errors import Unavailable
from inbox.store.base import Store
from tests.gateway.http.conftest import Api

pytestmark = pytest.mark.anyio

REQUEST = Request({"type": "http"})


async def test_a_process_with_its_store_is_alive_and_ready(api: Api) -> None:
    assert (await api.http.get("/healthz")).json() == {"status": "alive"}
    assert (await api.http.get("/readyz")).json() == {"status": "ready"}


async def test_a_draining_process_is_alive_but_not_ready(api: Api) -> None:
    api.app.draining = True

    assert (await api.http.get("/healthz")).status_code == 200
    assert (await api.http.get("/readyz")).status_code == 503


async def test_without_its_store_a_process_is_not_ready() -> None:
    store = AsyncMock(Store)
    store.ping.side_effect = Unavailable("away")

    with pytest.raises(Unavailable):
        await Ops(store, CollectorRegistry(), lambda: False).readyz(REQUEST)


async def test_a_store_that_hangs_counts_as_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops, "PING_TIMEOUT_S", 0.01)
    store = AsyncMock(Store)
    store.ping.side_effect = asyncio.Event().wait

    with pytest.raises(Unavailable):
        await Ops(store, CollectorRegistry(), lambda: False).readyz(REQUEST)


async def test_probes_at_once_ask_the_store_once() -> None:
    store = AsyncMock(Store)
    probe = Ops(store, CollectorRegistry(), lambda: False).readyz
    await asyncio.gather(*(probe(REQUEST) for _ in range(10)))

    assert store.ping.await_count == 1


async def test_the_store_is_asked_again_when_the_answer_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops, "PING_CACHE_S", -1.0)
    store = AsyncMock(Store)
    probe = Ops(store, CollectorRegistry(), lambda: False).readyz
    await probe(REQUEST)
    await probe(REQUEST)

    assert store.ping.await_count == 2


async def test_metrics_count_requests_by_route_and_never_by_user(api: Api) -> None:
    await api.published(recipients=["canary-user"])
    await api.http.get("/v1/notifications/canary-id", headers=api.backend())
    text = (await api.http.get("/metrics")).text

    assert 'bellwire_http_requests_total{method="POST",route="/v1/notifications",status="202"} 1.0' in text
    assert 'route="/v1/notifications/{id}",status="404"} 1.0' in text
    assert "bellwire_bus_subscriptions 0.0" in text
    assert "canary" not in text
