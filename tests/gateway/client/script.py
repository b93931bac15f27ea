"""A server that plays each part by script, for what a client must be able to take."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

Part = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]


def entry(seq: int) -> dict[str, Any]:
    return {"t": "entry", "seq": seq, "kind": "read", "ids": ["x"], "counts": {"unread": seq, "unseen": 0}}


def snapshot(seq: int, epoch: str = "a.0") -> dict[str, Any]:
    return {"t": "welcome", "epoch": epoch, "seq": seq, "resumed": False, "items": []}


def resumed(*seqs: int) -> dict[str, Any]:
    entries = [entry(seq) for seq in seqs]
    return {"t": "welcome", "epoch": "a.0", "seq": max(seqs), "resumed": True, "entries": entries}


class Script:
    """A server that plays one part per connection and answers ``changes`` from ``log``."""

    def __init__(self, *parts: Part) -> None:
        self._parts = list(parts)
        self.log: list[int] = []
        self.gone = False
        self.hellos: list[dict[str, Any]] = []
        self.fetched: list[int] = []
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Script"]:
        async with serve(self._play, "127.0.0.1", 0, process_request=self._pull) as server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self

    async def _play(self, socket: ServerConnection) -> None:
        hello = json.loads(await socket.recv())
        self.hellos.append(hello)
        await self._parts.pop(0)(socket, hello)

    def _pull(self, _: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        if parts.path != "/v1/inbox/changes":
            return None
        if self.gone:
            return answer(HTTPStatus.GONE, {"code": "stream_reset", "detail": "start over"})
        since = int(parse_qs(parts.query)["since"][0])
        self.fetched.append(since)
        seqs = [seq for seq in self.log if seq > since]
        return answer(HTTPStatus.OK, {"entries": [entry(seq) for seq in seqs[:2]], "more": len(seqs) > 2})


def answer(status: HTTPStatus, body: dict[str, Any]) -> Response:
    return Response(status, status.phrase, Headers(), orjson.dumps(body))


def say(*messages: dict[str, Any], code: int | None = None) -> Part:
    """Say ``messages``, then close with ``code``, or stay until the client leaves."""

    async def part(socket: ServerConnection, _: dict[str, Any]) -> None:
        for message in messages:
            await socket.send(json.dumps(message))
        if code is None:
            await socket.wait_closed()
        else:
            await socket.close(code, "for the test")

    return part
