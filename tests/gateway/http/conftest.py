"""A whole process of role ``serve`` without a socket: the real store in a file, the real bus, requests in process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.app import App, running
from gateway.auth.access import AccessTokens
from gateway.auth.clients import CLI_CLIENT, SCOPES
from gateway.auth.keyring import TOKEN_KEYS, KeyRing
from gateway.auth.tokens import mint_user
from gateway.settings import Settings
from inbox.ids import stream_key
from inbox.model import Head
from inbox.registered import Client


class Api:
    """Requests to a process, and the tokens to make them with."""

    def __init__(self, app: App, http: httpx2.AsyncClient, ring: KeyRing, settings: Settings) -> None:
        self.app = app
        self.http = http
        self.ring = ring
        self.settings = settings

    def backend(self, *scopes: str, tenant: str = "default") -> dict[str, str]:
        client = Client(CLI_CLIENT, tenant, "x", scopes or SCOPES, (), 0)
        return {"authorization": f"Bearer {AccessTokens(self.ring).mint(client, client.scopes)}"}

    def user(self, user: str, tenant: str = "default", ttl_s: int = 60) -> dict[str, str]:
        token = mint_user(self.ring, self.settings, tenant, user, ttl_s).token
        return {"authorization": f"Bearer {token}"}

    async def ask(
        self, method: str, path: str, *scopes: str, tenant: str = "default", **options: Any
    ) -> httpx2.Response:
        """What a backend with ``scopes`` (all, if none are named) gets."""
        return await self.http.request(method, path, headers=self.backend(*scopes, tenant=tenant), **options)

    async def publish(self, tenant: str = "default", **body: Any) -> httpx2.Response:
        given = {"title": "Hello", **({} if "topic" in body else {"recipients": ["alice"]}), **body}
        return await self.http.post("/v1/notifications", json=given, headers=self.backend(tenant=tenant))

    async def published(self, tenant: str = "default", **body: Any) -> str:
        answer = await self.publish(tenant, **body)
        assert answer.status_code == 202, answer.text
        id: str = answer.json()["id"]
        return id

    async def inbox(self, user: str = "alice", tenant: str = "default", **query: Any) -> dict[str, Any]:
        answer = await self.http.get("/v1/inbox", params=query, headers=self.user(user, tenant))
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    async def head(self, user: str = "alice", tenant: str = "default") -> Head:
        (head,) = await self.app.store.heads([stream_key(tenant, user)])
        return head


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Api]:
    """A process on ``settings``."""
    async with running(settings, "serve") as app:
        ring = KeyRing(partial(app.store.keys, TOKEN_KEYS))
        await ring.load()
        transport = httpx2.ASGITransport(app.asgi, raise_app_exceptions=True)
        async with httpx2.AsyncClient(transport=transport, base_url="http://bellwire.test") as http:
            yield Api(app, http, ring, settings)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with served(Settings(data_dir=str(tmp_path))) as made:
        yield made
