"""Where a browser meets Bellwire: a page, a real process, and smaller ones for what would take too long there."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from msgspec.structs import replace

from gateway.app import App
from gateway.live.errands import UserVerifier
from gateway.live.hub import Hub
from gateway.settings import Limits, Settings
from inbox.bus.base import Bus
from inbox.service import Inbox
from tests.browser.page import Page
from tests.faults.backend import Backend
from tests.faults.fleet import Program
from tests.gateway.auth.keyring import SECRET
from tests.servers.inside import serving


def hello(token: str) -> str:
    return json.dumps({"t": "hello", "token": token})


class Stage:
    """One test's.

    :param serve: a ``bellwire serve`` that allows pages of ``origin``.
    :param backend: its client with the scope users.
    """

    def __init__(self, page: Page, origin: str, serve: Program, backend: Backend, directory: Path) -> None:
        self.page = page
        self.serve = serve
        self.backend = backend
        self._settings = Settings(data_dir=str(directory), allowed_origins=origin, user_jwt_secret=SECRET)

    async def welcome(self, user: str = "ann") -> None:
        """Open a session of ``user`` in the real process."""
        await self.page.open(self.serve.url, hello(await self.backend.user_token(user)))

    @asynccontextmanager
    async def small(self, **limits: Any) -> AsyncIterator[tuple[App, str]]:
        """The same server on this loop, with other limits of live sessions; it takes tokens signed with ``SECRET``."""

        def hub(inbox: Inbox, bus: Bus, verifier: UserVerifier, usual: Limits, *more: Any) -> Hub:
            return Hub(inbox, bus, verifier, replace(usual, **limits), *more)

        async with serving(self._settings, hub=hub) as (app, url):
            yield app, url


@asynccontextmanager
async def backend_of(serve: Program, client: tuple[str, str]) -> AsyncIterator[Backend]:
    async with httpx2.AsyncClient(trust_env=False) as http:
        yield await Backend(serve.url, http, client).login()
