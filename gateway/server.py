"""A process on a port: our own listening socket, uvicorn's server, signals, and the line that says it is ready."""

import asyncio
import errno
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import cast

import structlog
import uvicorn

from gateway import descriptors, log
from gateway.acceptor import Acceptor
from gateway.app import App, running
from gateway.http.protocol import BoundedHttpProtocol
from gateway.live.doorstep import Doorstep
from gateway.live.handover import LiveHttpProtocol
from gateway.pauses import tune_collector
from gateway.settings import LIMITS, Role, Settings, require
from inbox.errors import ConfigError

logger = structlog.get_logger()

_BACKLOG = 65_535
_TCP_USER_TIMEOUT_MS = 20_000


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Connections that never read are cut by the kernel: accepted sockets inherit ``TCP_USER_TIMEOUT``.

    :raises ConfigError: the address cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigError(f"BELLWIRE_HOST {host}: {error.strerror or error}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _TCP_USER_TIMEOUT_MS)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        setting = "BELLWIRE_HOST" if error.errno == errno.EADDRNOTAVAIL else "BELLWIRE_PORT"
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror or error}; set {setting}") from None
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn's server, which accepts evenly, says when it is ready and leaves the end of the process to us."""

    def __init__(self, app: App, ready: dict[str, str]) -> None:
        super().__init__(configuration(app))
        self._app = app
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.servers = [cast("asyncio.Server", self._acceptor(each)) for each in sockets or ()]
        self.started = True
        logger.info("ready", **self._ready)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say that nobody should come any more, let the sessions go at an even pace, then end what is left."""
        self._app.draining = True
        for server in self.servers:
            server.close()
        if self._app.hub is not None:
            await self._app.hub.drain()
        await super().shutdown(sockets)

    def _acceptor(self, listener: socket.socket) -> Acceptor:
        hub, entrance, waiting = self._app.hub, self._app.entrance, self._app.limits.connections_waiting
        if hub is None or entrance is None:
            return Acceptor(listener, lambda *_: self._protocol, waiting)
        doorstep = Doorstep(entrance, self._app.callers.make_room, self._protocol)
        return Acceptor(listener, doorstep.greet, waiting, hub.arrivals.is_behind)

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state={}
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn raises the signal again afterwards, and the process would die before the store is closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


def configuration(app: App) -> uvicorn.Config:
    """uvicorn as we run it: its own access log shows query strings, its proxy headers believe anybody on loopback."""
    http = BoundedHttpProtocol if app.entrance is None else partial(LiveHttpProtocol, app.entrance)
    return uvicorn.Config(
        app.asgi,
        interface="asgi3",
        http=cast("type[asyncio.Protocol]", partial(http, app.callers)),
        # Never made: the connection is handed over before. It has uvicorn recognize what asks for a WebSocket.
        ws="none" if app.entrance is None else asyncio.Protocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=LIMITS.keep_alive_s,
        timeout_graceful_shutdown=LIMITS.shutdown_s,
    )


async def serve(settings: Settings, role: Role) -> None:
    """Run ``role`` until SIGTERM or SIGINT, then end what is in hand and close everything.

    :raises ConfigError: settings, store or port are not fit to be used.
    :raises Unavailable: the store did not answer for too long.
    """
    require(settings, role)
    listener = listen(settings.host, settings.port)
    try:
        async with running(settings, role) as app:
            ready = {
                "url": url_of(listener),
                "role": role,
                "store": "sqlite" if settings.mongo_url is None else "mongo",
                "bus": "memory" if settings.redis_url is None else "redis",
            }
            tune_collector()
            await Server(app, ready).serve(sockets=[listener])
    finally:
        listener.close()


def run(settings: Settings, role: Role) -> None:
    """``serve`` on the fastest event loop there is, logging to stdout."""
    log.configure(sys.stdout)
    # It warns once for every malformed request that anybody cares to send.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    if settings.test:
        logger.warning("safety_limits_lifted", reason="BELLWIRE_TEST is set: unset it in production")
    descriptors.make_room()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings, role))


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
