"""A plain live session with a real process."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


class Session:
    """One live session, which answers pings. ``id`` is known once it was welcomed."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.id = ""
        self._heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())

    async def say(self, t: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"t": t, **fields}))

    async def hear(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._heard.get(), 10)

    async def welcomed(self) -> None:
        self.id = (await self.hear())["session"]

    async def closed(self) -> int:
        """The code with which the server ends it."""
        await asyncio.wait_for(self._reading, 10)
        return self.socket.close_code or 0

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self.socket:
                message = json.loads(text)
                if message["t"] == "ping":
                    await self.say("pong")
                else:
                    self._heard.put_nowait(message)


@asynccontextmanager
async def greeted(url: str, token: str) -> AsyncIterator[Session]:
    """A session at ``url`` that said hello and has heard nothing yet."""
    async with connect(url.replace("http", "ws", 1) + "/v1/ws", compression=None) as socket:
        session = Session(socket)
        await session.say("hello", token=token)
        yield session
