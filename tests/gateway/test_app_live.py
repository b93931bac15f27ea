"""The whole process on a real socket: what is published over HTTP arrives on the WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gateway import app as root
from gateway.app import App
from gateway.auth.access import AccessTokens
from gateway.auth.clients import CLI_CLIENT, SCOPES
from gateway.auth.keyring import TOKEN_KEYS, KeyRing
from gateway.auth.tokens import mint_user
from gateway.settings import Role, Settings
from inbox.bus.memory import MemoryBus
from inbox.registered import Client
from inbox.store.sqlite import SqliteStore
from tests.servers.inside import serving

pytestmark = pytest.mark.anyio


class Site:
    """A process on a port."""

    def __init__(self, app: App, settings: Settings, url: str, ring: KeyRing) -> None:
        self.app = app
        self.url = url
        self.socket_url = url.replace("http", "ws", 1) + "/v1/ws"
        self.user_token = mint_user(ring, settings, "default", "alice", 60).token
        client = Client(CLI_CLIENT, "default", "x", SCOPES, (), 0)
        self.backend = {"authorization": f"Bearer {AccessTokens(ring).mint(client, SCOPES)}"}

    async def publish(self, title: str) -> None:
        async with httpx2.AsyncClient(trust_env=False) as http:
            body = {"recipients": ["alice"], "title": title}
            answer = await http.post(f"{self.url}/v1/notifications", json=body, headers=self.backend)
        assert answer.status_code == 202


@pytest.fixture
def role() -> Role:
    return "serve"


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: Role) -> AsyncIterator[Site]:
    monkeypatch.setattr(root, "make_store", lambda settings: SqliteStore(tmp_path / "store"))
    monkeypatch.setattr(root, "make_bus", lambda settings, key: MemoryBus())
    settings = Settings(mongo_url="mongodb://mongo.test", redis_url="redis://redis.test")
    async with serving(settings, role) as (app, url):
        ring = KeyRing(partial(app.store.keys, TOKEN_KEYS))
        await ring.load()
        yield Site(app, settings, url, ring)


async def hear(socket: Any) -> dict[str, Any]:
    """The next message. Pings come at a random time."""
    async with asyncio.timeout(10):
        message: dict[str, Any] = {"t": "ping"}
        while message["t"] == "ping":
            message = json.loads(await socket.recv())
    return message


async def test_a_notification_arrives_on_a_connected_device(site: Site) -> None:
    async with connect(site.socket_url) as socket:
        await socket.send(json.dumps({"t": "hello", "token": site.user_token}))
        welcome = await hear(socket)
        await site.publish("Hello")
        entry = await hear(socket)

    assert (welcome["t"], welcome["resumed"], welcome["seq"]) == ("welcome", False, 0)
    assert (entry["t"], entry["seq"], entry["item"]["title"]) == ("entry", 1, "Hello")


async def test_the_entry_on_the_socket_is_the_entry_of_the_pull_api(site: Site) -> None:
    async with connect(site.socket_url) as socket:
        await socket.send(json.dumps({"t": "hello", "token": site.user_token}))
        epoch = (await hear(socket))["epoch"]
        await site.publish("Hello")
        entry = await hear(socket)
    async with httpx2.AsyncClient(trust_env=False) as http:
        changes = await http.get(
            f"{site.url}/v1/inbox/changes",
            params={"epoch": epoch, "since": 0},
            headers={"authorization": f"Bearer {site.user_token}"},
        )

    assert changes.json()["entries"] == [entry]


async def test_a_backends_token_does_not_open_a_socket(site: Site) -> None:
    async with connect(site.socket_url) as socket:
        await socket.send(json.dumps({"t": "hello", "token": site.backend["authorization"].removeprefix("Bearer ")}))
        await socket.wait_closed()

    assert socket.close_code == 4500


async def test_a_socket_on_another_path_is_not_opened(site: Site) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(site.socket_url + "/x")

    assert refused.value.response.status_code == 404
    assert json.loads(refused.value.response.body)["code"] == "not_found"


@pytest.mark.parametrize("role", ["api", "worker"])
async def test_a_role_without_a_live_side_opens_no_socket(site: Site) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(site.socket_url)

    assert refused.value.response.status_code == 404


async def test_a_plain_request_to_the_socket_is_not_found(site: Site) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{site.url}/v1/ws")).status_code == 404


async def test_metrics_count_the_live_side(site: Site) -> None:
    async with connect(site.socket_url) as socket, httpx2.AsyncClient(trust_env=False) as http:
        await socket.send(json.dumps({"t": "hello", "token": site.user_token}))
        await hear(socket)
        text = (await http.get(f"{site.url}/metrics")).text

    assert "bellwire_live_sessions 1.0" in text
    assert "bellwire_bus_subscriptions 1.0" in text
