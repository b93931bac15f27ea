"""A headless Chromium, driven over its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.waiting import until

_START_S = 30.0
_STOP_S = 10.0
_ANSWER_S = 15.0
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it would not run as root; the pages are ours
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--no-proxy-server",
    "--remote-debugging-port=0",
)


class Tab:
    """One open page."""

    def __init__(self, tools: ClientConnection) -> None:
        self._tools = tools
        self._calls = 0

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited first.

        :raises AssertionError: it threw.
        """
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def call(self, method: str, **parameters: Any) -> Any:
        """The result of a command of the protocol."""
        self._calls += 1
        await self._tools.send(json.dumps({"id": self._calls, "method": method, "params": parameters}))
        async with asyncio.timeout(_ANSWER_S):
            while (answer := json.loads(await self._tools.recv())).get("id") != self._calls:
                pass
        assert "result" in answer, answer
        return answer["result"]


class Chromium:
    """The browser: ``BELLWIRE_TEST_CHROMIUM``, else ``chromium`` on the PATH.

    :param directory: where it keeps its profile.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._url = self._path = ""

    def start(self) -> None:
        """Returns when it takes commands.

        :raises RuntimeError: it does not within 30 s, or there is none.
        """
        program = shutil.which(os.environ.get("BELLWIRE_TEST_CHROMIUM", "chromium"))
        if program is None:
            raise RuntimeError("these tests need a browser: install chromium, or name one in BELLWIRE_TEST_CHROMIUM")
        command = [program, *_FLAGS, f"--user-data-dir={self._directory}", "about:blank"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = self._directory / "DevToolsActivePort"
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if port.exists() and len(lines := port.read_text().splitlines()) == 2:
                self._url, self._path = f"ws://127.0.0.1:{lines[0]}", lines[1]
                return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{program} does not say where it takes commands")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @asynccontextmanager
    async def tab(self, url: str) -> AsyncIterator[Tab]:
        """A tab that shows ``url``, closed at the end."""
        async with _tools(self._url + self._path) as browser:
            target = (await browser.call("Target.createTarget", url=url))["targetId"]
            try:
                async with _tools(f"{self._url}/devtools/page/{target}") as tab:
                    await until(partial(_shows, tab, url))
                    yield tab
            finally:
                await browser.call("Target.closeTarget", targetId=target)


@asynccontextmanager
async def _tools(url: str) -> AsyncIterator[Tab]:
    async with connect(url, compression=None, max_size=None) as socket:
        yield Tab(socket)


async def _shows(tab: Tab, url: str) -> bool:
    complete: bool = await tab.evaluate(f"document.readyState === 'complete' && location.href === {json.dumps(url)}")
    return complete
