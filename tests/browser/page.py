"""A page that opens sessions, and the web server that it comes from."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from msgspec import Struct, convert

from tests.browser.chromium import Tab


class Closed(Struct, rename="camel"):
    """What the page's ``onclose`` saw. ``heard``: every message before."""

    code: int
    was_clean: bool
    heard: list[dict[str, Any]]


class Page:
    """The page in a tab. Sessions are counted from 0."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab

    async def open(self, url: str, *frames: str) -> None:
        """Open a session at ``url`` and send ``frames``; returns when something was heard, or it was closed."""
        socket_url = url.replace("http", "ws", 1) + "/v1/ws"
        await self._tab.evaluate(f"open({', '.join(map(json.dumps, (socket_url, *frames)))})")

    async def send(self, expression: str) -> None:
        """Send what a JavaScript expression says, in the newest session."""
        await self._tab.evaluate(f"sessions.at(-1).socket.send({expression})")

    async def closed(self, session: int = 0) -> Closed:
        """How a session ended, when it has."""
        return convert(await self._tab.evaluate(f"sessions[{session}].closed"), Closed)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def web_server() -> Iterator[int]:
    """Serves this directory on loopback. Gives its port."""
    handler = partial(_Quiet, directory=str(Path(__file__).parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()
