"""A real server with the live side only: uvicorn, SQLite and a bus, and clients that speak to it."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, cast
from unittest.mock import Mock

from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from starlette.routing import Router
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gateway import descriptors
from gateway.app import App
from gateway.auth.tokens import UserClaims, UserTokens
from gateway.http.access import Gate
from gateway.http.inbox import UserInbox
from gateway.http.limits import RequestLimits, limits_of_users
from gateway.http.routes import stream_routes, user_routes
from gateway.http.routing import http_routes
from gateway.http.stream import UserStream
from gateway.live.entrance import Entrance
from gateway.live.hub import Hub
from gateway.live.origins import Origins
from gateway.metrics import RequestMetrics
from gateway.server import Server
from gateway.settings import LIMITS, Limits
from inbox.bus.base import Bus
from inbox.bus.memory import MemoryBus
from inbox.errors import TokenExpired, Unauthorized, Unavailable
from inbox.service import Draft, Inbox
from inbox.store.base import Store
from inbox.store.sqlite import SqliteStore
from tests.samples import TENANT
from tests.waiting import until

Json = dict[str, Any]
NodeFactory = Callable[..., Awaitable["Node"]]

READ_S = 10.0
SEND_BUFFER_BYTES = 16 * 1024


class Verifier:
    """A token is ``user [seconds [topic,topic [jti]]]``, or one of the ways in which tokens fail.

    One that begins with ``~`` has to be asked about.
    """

    async def verify(self, token: str) -> UserClaims:
        await asyncio.sleep(0)
        return self._claims(token.removeprefix("~"))

    def verify_at_once(self, token: str) -> UserClaims | None:
        return None if token.startswith("~") or token == "unverifiable" else self._claims(token)

    def _claims(self, token: str) -> UserClaims:
        match token:
            case "forged":
                raise Unauthorized("expected a signature")
            case "expired":
                raise TokenExpired("its time is over")
            case "unverifiable":
                raise Unavailable("no keys")
        user, ttl_s, topics, jti = (*token.split(" "), "", "", "")[:4]
        return UserClaims(TENANT, user, time.time() + float(ttl_s or 3_600), jti or None, tuple(topics.split(",")))


class Client:
    """One session as a test sees it: messages as JSON."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._connecting = connect(node.url, compression=None, max_size=None, ping_interval=None)
        self.socket: ClientConnection

    async def __aenter__(self) -> "Client":
        self.socket = await self._connecting.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connecting.__aexit__(kind, error, trace)

    async def say(self, t: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"t": t, **fields}))

    async def hear(self) -> Json:
        """The next message. Pings come at a random time."""
        while True:
            heard = await self._next()
            if heard["t"] != "ping":
                return heard

    async def hear_t(self, t: str) -> Json:
        """The next message of this kind."""
        while True:
            heard = await self._next()
            if heard["t"] == t:
                return heard

    async def hello(self, token: str, cursor: tuple[str, int] | None = None) -> Json:
        """Say hello and hear the welcome."""
        more = {} if cursor is None else {"cursor": {"epoch": cursor[0], "seq": cursor[1]}}
        await self.say("hello", token=token, **more)
        return await self.hear()

    async def seqs(self, upto: int) -> list[int]:
        """The numbers of the entries that come, until ``upto``."""
        seqs = [0]
        while seqs[-1] < upto:
            seqs.append((await self.hear_t("entry"))["seq"])
        return seqs[1:]

    async def closed(self) -> int:
        """The close code with which the server ends it."""
        async with asyncio.timeout(READ_S):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed as closed:
                return 1006 if closed.rcvd is None else closed.rcvd.code

    async def _next(self) -> Json:
        async with asyncio.timeout(READ_S):
            heard: Json = json.loads(await self.socket.recv())
            return heard


class Node:
    """The parts of one running server."""

    def __init__(
        self, store: Store, bus: Bus, inbox: Inbox, hub: Hub, limits: Limits, user_limits: RequestLimits
    ) -> None:
        self.store = store
        self.bus = bus
        self.inbox = inbox
        self.hub = hub
        app = App(store, bus, limits, "10.0.0.0/8")
        app.hub, app.entrance = hub, Entrance(hub, Origins("https://app.example"), app.addresses)
        gate = Gate(Mock(), cast("UserTokens", Verifier()), Mock(), Mock(), user_limits)
        metrics = RequestMetrics(CollectorRegistry())
        operations = user_routes(UserInbox(inbox, gate)) + stream_routes(UserStream(app.entrance, gate))
        app.asgi = Router(http_routes(operations, metrics))
        self.server = Server(app, {})
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/ws"

    def client(self) -> Client:
        return Client(self)

    async def publish(self, user: str, count: int = 1, **content: Any) -> None:
        for number in range(count):
            made = {"category": "news", "title": f"number {number}", **content}
            await self.inbox.publish(Draft(TENANT, "news", made), [user])


@asynccontextmanager
async def nodes(directory: Path) -> AsyncIterator[NodeFactory]:
    """Gives a function that starts a node on ``limits`` (changes to the defaults); all are stopped at the end."""
    async with AsyncExitStack() as stack:

        async def start(bus: Bus | None = None, store: Store | None = None, **limits: Any) -> Node:
            if store is None:
                store = SqliteStore(directory / "bellwire.sqlite3")
                await store.open()
                stack.push_async_callback(store.close)
            return await stack.enter_async_context(_running(store, bus or MemoryBus(), limits))

        yield start


@asynccontextmanager
async def _running(store: Store, bus: Bus, limits: Json) -> AsyncIterator[Node]:
    inbox = Inbox(store, bus, item_keep_s=3_600, nudge=lambda: None)
    changed = descriptors.within(replace(LIMITS, **limits), descriptors.count())
    user_limits = limits_of_users(changed)
    hub = Hub(inbox, bus, Verifier(), changed, user_limits=user_limits)
    node = Node(store, bus, inbox, hub, changed, user_limits)
    listener = socket.create_server(("127.0.0.1", 0))
    # Small, so that a client that does not read is felt soon.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    listener.setblocking(False)
    node.port = listener.getsockname()[1]
    await hub.start()
    serving = asyncio.create_task(node.server._serve([listener]))
    await until(lambda: node.server.started)
    try:
        yield node
    finally:
        node.server.should_exit = True
        await serving
        await hub.stop()
        await bus.close()
        listener.close()
