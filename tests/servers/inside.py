"""A whole process on the test's own loop, so that a test can say what it is made of."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from gateway import app as root
from gateway.app import App, running
from gateway.live.hub import Hub
from gateway.server import Server, listen, url_of
from gateway.settings import Role, Settings
from tests.waiting import until


@asynccontextmanager
async def serving(
    settings: Settings, role: Role = "serve", hub: Callable[..., Hub] = Hub
) -> AsyncIterator[tuple[App, str]]:
    """``role`` on a port of its own. Gives the app and its URL.

    :param hub: makes the live side; called as ``Hub`` is.
    """
    with pytest.MonkeyPatch.context() as patch, listen("127.0.0.1", 0) as listener:
        patch.setattr(root, "Hub", hub)
        async with running(settings, role) as app:
            server = Server(app, {})
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            await until(lambda: server.started)
            yield app, url_of(listener)
            server.should_exit = True
            await serving
