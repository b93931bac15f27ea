"""The composition root: from settings to a running process, every part made once and closed in reverse."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from msgspec import Struct
from prometheus_client import CollectorRegistry
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import descriptors
from gateway.http.admission import Admission
from gateway.http.backend_routes import notification_routes, oauth_routes, topic_routes
from gateway.http.callers import Callers
from gateway.http.doors import doors
from gateway.http.endpoint import Nowhere
from gateway.http.inbox import UserInbox
from gateway.http.notifications import Notifications
from gateway.http.oauth import OAuth
from gateway.http.operation import Operation
from gateway.http.ops import Ops
from gateway.http.problems import plain
from gateway.http.profiles import Profiles
from gateway.http.routes import ops_routes, stream_routes, user_routes
from gateway.http.routing import http_routes, open_paths
from gateway.http.sessions import Sessions
from gateway.http.signals import Signals
from gateway.http.stream import UserStream
from gateway.http.topics import Topics
from gateway.http.user_admin_routes import user_admin_routes
from gateway.http.users import Users
from gateway.live.addresses import Addresses
from gateway.live.entrance import Entrance
from gateway.live.hub import Hub
from gateway.live.origins import Origins
from gateway.load import StoreLoad, watched
from gateway.metrics import RequestMetrics, StatisticsCollector
from gateway.parts import BUS_SECRET, make_bus, make_presence, make_store
from gateway.pauses import Pauses
from gateway.settings import LIMITS, Limits, Role, Settings, limits_of
from inbox.bus.base import Bus
from inbox.directory import Directory
from inbox.errors import Unavailable
from inbox.service import Inbox
from inbox.store.base import Store
from inbox.upkeep import Upkeep

log = structlog.get_logger()

GAUGES = frozenset(
    {
        "subscriptions",
        "degraded",
        "sessions",
        "streams",
        "channels",
        "open",
        "in_hand",
        "in_force",
        "welcomes_per_s",
        "longest_pause_s",
        "longest_collection_s",
    }
)

FEW_SESSIONS = 2_000


class App:
    """A process that is up: ``asgi`` answers its role's routes until the context that made it ends."""

    def __init__(self, store: Store, bus: Bus, limits: Limits = LIMITS, proxies: str | None = None) -> None:
        self.store = store
        self.bus = bus
        self.limits = limits
        self.addresses = Addresses(proxies)
        self.callers = Callers(limits, self.addresses, lambda: 0 if self.hub is None else self.hub.arrivals.sessions)
        self.hub: Hub | None = None
        self.entrance: Entrance | None = None
        self.asgi: ASGIApp = not_found
        self.draining = False


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await plain("not_found", "nothing answers on this path")(scope, receive, send)


async def open_store(store: Store, wait_s: float = LIMITS.store_wait_s, pause_s: float = 1.0) -> None:
    """Open ``store``, patient with one that is not up yet: another try every ``pause_s``.

    :raises Unavailable: it did not answer within ``wait_s``.
    :raises ConfigError: it answers, but is not fit to be used.
    """
    deadline = asyncio.get_running_loop().time() + wait_s
    while True:
        try:
            await store.open()
            return
        except Unavailable as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            log.warning("store_away", reason=str(error))
            await asyncio.sleep(pause_s)


@asynccontextmanager
async def running(settings: Settings, role: Role) -> AsyncIterator[App]:
    """A process of ``role``: its parts opened in order, and closed in reverse when the context ends.

    :raises ConfigError: a store or a bus that is not fit to be used.
    :raises Unavailable: the store did not answer for too long.
    """
    async with AsyncExitStack() as stack:
        store = make_store(settings)
        await open_store(store)
        stack.push_async_callback(store.close)
        bus = make_bus(settings, await store.secret(BUS_SECRET))
        stack.push_async_callback(bus.close)
        limits = descriptors.within(limits_of(settings), descriptors.count())
        app = App(store, bus, limits, settings.trusted_proxies)
        upkeep = Upkeep(store, role, keep_entries=settings.log_keep_entries, keep_s=settings.log_keep_s)
        await _compose(app, settings, role, upkeep, stack)
        await stack.enter_async_context(upkeep)
        yield app


async def _compose(app: App, settings: Settings, role: Role, upkeep: Upkeep, stack: AsyncExitStack) -> None:
    """Give ``app`` the parts and the routes of ``role``, and start its bus."""
    load = StoreLoad()
    store = watched(app.store, load)
    inbox = Inbox(store, app.bus, item_keep_s=settings.item_keep_s, nudge=upkeep.nudge)
    inside = await stack.enter_async_context(doors(store, settings))
    gate = inside.gate
    presence = make_presence(settings, upkeep.process.id)
    stack.push_async_callback(presence.close)
    registry = CollectorRegistry()
    operations: list[Operation] = []
    if role in ("serve", "api"):
        directory = Directory(store)
        operations += oauth_routes(OAuth(store, inside.access))
        operations += notification_routes(Notifications(inbox, gate))
        operations += topic_routes(Topics(directory, gate), Signals(inbox, gate))
        users = Users(inside.ring, inside.revocations, settings, gate)
        sessions = Sessions(presence, inside.revocations, app.bus, gate)
        operations += user_admin_routes(Profiles(inbox, directory, gate), users, sessions)
    if role in ("serve", "gateway"):
        operations += user_routes(UserInbox(inbox, gate))
        app.hub = Hub(inbox, app.bus, inside.users, app.limits, presence, inside.revocations.hurry, inside.user_limits)
        inside.revocations.on_new = app.hub.end
        app.entrance = Entrance(app.hub, Origins(settings.allowed_origins), app.addresses)
        operations += stream_routes(UserStream(app.entrance, gate))
        stack.push_async_callback(app.hub.stop)
        await app.hub.start()
    else:
        await app.bus.start(None)
        await presence.start(None)
    operations += ops_routes(Ops(app.store, registry, lambda: app.draining))
    pauses = Pauses(lambda: app.hub is None or app.hub.statistics().sessions < FEW_SESSIONS)
    watching = asyncio.create_task(pauses.run())
    stack.callback(watching.cancel)
    metrics = RequestMetrics(registry)
    router = Router(http_routes(operations, metrics), redirect_slashes=False, default=Nowhere(metrics))
    app.asgi = admission = Admission(router, LIMITS.concurrent_requests, load.is_slow, open_paths(operations))
    counted: dict[str, Callable[[], Struct]] = {
        "bus": app.bus.statistics,
        "http": admission.statistics,
        "connections": app.callers.statistics,
        "loop": pauses.statistics,
        "client_limits": inside.limits.statistics,
        "user_limits": inside.user_limits.statistics,
        "upkeep": upkeep.statistics,
        "presence": presence.statistics,
        "revocations": inside.revocations.statistics,
    }
    if app.hub is not None:
        counted["live"] = app.hub.statistics
    registry.register(StatisticsCollector(counted, GAUGES))
