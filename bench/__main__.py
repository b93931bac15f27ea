"""``make bench``: the figures on this machine. The gateway's are of SQLite with the Redis bus, whatever the store.

usage: python -m bench [core|campaigns|gateway] [--store sqlite|mongo] [--runs 5] [--items 1000000] [--quick]
"""

import argparse
import asyncio
import gc
import json
import os
import platform
import signal
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

import uvloop
from msgspec import Struct

from bench import auth, campaigns, core
from bench.gateway.table import FULL, QUICK, gateway_table
from bench.gateway.tool import NoCompiler
from bench.load import Sample, open_wire, post
from gateway.auth.clients import SCOPES
from tests.faults.fleet import Fleet, Program


class Scale(Struct, frozen=True):
    """How much of each load: the MongoDB test server takes a tenth of what MongoDB would."""

    publishes: int
    batches: int
    batch_clients: int
    live_per_s: float
    deep_items: int
    members: int
    waiting: int
    due: int


SCALES = {
    "sqlite": Scale(10_000, 100, 4, 500.0, 10_000, 100_000, 100_000, 5_000),
    "mongo": Scale(1_000, 5, 1, 50.0, 2_000, 5_000, 2_000, 500),
}
UNLIMITED = {"BELLWIRE_CLIENT_REQUESTS_PER_S": "1000000", "BELLWIRE_CLIENT_REQUESTS_BURST": "1000000"}
"""The whole load comes from one client."""


@contextmanager
def embedded(directory: Path) -> Iterator[tuple[Fleet, Program, Program]]:
    fleet = Fleet({"BELLWIRE_DATA_DIR": str(directory / "data"), **UNLIMITED}, directory)
    try:
        program = fleet.add("serve")
        yield fleet, program, program
    finally:
        fleet.stop()


@contextmanager
def spread(directory: Path) -> Iterator[tuple[Fleet, Program, Program]]:
    from tests.servers.mongo import MongoServer
    from tests.servers.redis import RedisServer

    redis, mongo = RedisServer(directory), MongoServer(directory, is_busy=True)
    redis.start()
    mongo.start()
    fleet = Fleet({"BELLWIRE_REDIS_URL": redis.url, "BELLWIRE_MONGO_URL": mongo.url, **UNLIMITED}, directory)
    try:
        yield fleet, fleet.add("api"), fleet.add("gateway")
    finally:
        fleet.stop()
        mongo.stop()
        redis.stop()


async def login(fleet: Fleet, api: str) -> str:
    """An access token of a new client; it lives 15 minutes."""
    id, secret = await asyncio.to_thread(fleet.client, *SCOPES)
    body = f"grant_type=client_credentials&client_id={quote(id)}&client_secret={quote(secret)}".encode()
    wire = await open_wire(api)
    _, answer = await wire.request(post("/oauth/token", "", body, kind="application/x-www-form-urlencoded"))
    wire.close()
    return str(json.loads(answer)["access_token"])


def say(what: str, figure: str, bar: str) -> None:
    os.write(1, f"{what:<46} {figure:<52} {bar}\n".encode())


async def row(what: str, bar: str, runs: int, once: Callable[[], Awaitable[Sample]], unit: str = "/s") -> None:
    """One line: the medians over ``runs`` runs."""
    report(what, bar, [await once() for _ in range(runs)], unit)


def report(what: str, bar: str, samples: list[Sample], unit: str = "/s") -> None:
    middle = [
        statistics.median(getattr(s, field) for s in samples) for field in ("per_s", "p50_ms", "p99_ms", "lag_ms")
    ]
    lag = f" (generator late: {middle[3]:.1f})" if middle[3] else ""
    spread_of = f"{min(s.per_s for s in samples):,.0f}-{max(s.per_s for s in samples):,.0f}"
    say(what, f"{middle[0]:>9,.0f} {unit} ({spread_of})  p50 {middle[1]:.1f}  p99 {middle[2]:.1f} ms{lag}", bar)


async def auth_table(runs: int) -> None:
    for what, us in (await auth.added_us(runs)).items():
        say(f"checking a token adds: {what}", f"{us:.1f} us", "<= 60 us")


async def core_table(fleet: Fleet, api: Program, node: Program, runs: int, items: int, scale: Scale) -> None:
    async def target() -> core.Target:
        return core.Target(api.url, node.url, await login(fleet, api.url))

    now = await target()
    singles = partial(core.singles, now, scale.publishes)
    await row("publish, 1 recipient, 32 clients", ">= 2,500/s, p99 <= 40", runs, singles)
    batches = partial(core.batches, now, scale.batches, scale.batch_clients)
    await row("publish, 1,000 recipients of 10,000", ">= 30,000 items/s", runs, batches, "items/s")
    to_socket = partial(core.to_socket, now, scale.live_per_s, int(6 * scale.live_per_s))
    await row(f"publish -> socket at {scale.live_per_s:.0f}/s", "p99 <= 25 at 500/s", runs, to_socket)
    now = await target()
    await core.fill(now, "deep", scale.deep_items)
    for skipped in (0, scale.deep_items - 1_000):
        pages = partial(core.pages, now, "deep", skipped, scale.publishes // 2)
        await row(f"page of 25 after {skipped:,} of {scale.deep_items:,} items", ">= 2,500/s", runs, pages)
    await row("resume with 300 missed entries", "p99 <= 30", runs, lambda: core.resumes(now, "deep"))
    if items:
        memory = await core.million(await target(), api.rss_kb, items)
        say(f"memory while {items:,} items are published", " ".join(map(str, memory)) + " MB", "flat")


async def _cpu_share(program: Program, for_s: float = 10.0) -> float:
    """What ``program`` uses of a core while nobody asks it anything."""
    used_s = program.cpu_s()
    await asyncio.sleep(for_s)
    return (program.cpu_s() - used_s) / for_s


async def campaign_table(fleet: Fleet, api: Program, node: Program, runs: int, scale: Scale) -> None:
    now = core.Target(api.url, node.url, await login(fleet, api.url))
    members = scale.members
    fill = partial(campaigns.fill_topic, now, members)
    await row(f"{members:,} members added, 1,000 a request", ">= 10,000/s", 1, fill, "members/s")
    both = [await campaigns.to_topic(now, members) for _ in range(runs)]
    report(f"publish to a topic of {members:,}", ">= 30,000 items/s", [topic for topic, _ in both], "items/s")
    report("single publishes beside it", "p99 <= 60", [beside for _, beside in both])
    idle = await _cpu_share(api)
    now = core.Target(api.url, node.url, await login(fleet, api.url))
    await row(f"{scale.waiting:,} scheduled", "", 1, partial(campaigns.schedule, now, scale.waiting))
    say("CPU while they wait", f"{await _cpu_share(api):.2%} of a core (before: {idle:.2%})", "the same")
    fire = partial(campaigns.fire, now, scale.due)
    await row(f"{scale.due:,} due in one second, all fired", "p99 (the last) <= 2,000", runs, fire)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("table", nargs="?", choices=["core", "campaigns", "gateway"], help="all if none is named")
    parser.add_argument("--store", choices=["sqlite", "mongo"], default="sqlite")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true", help="a small gateway table, to see that it runs")
    chosen = parser.parse_args()
    # What was started is stopped on the way out, also by a SIGTERM.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    say(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        f"store: {chosen.store}, medians of {chosen.runs} runs",
        "bar",
    )
    if chosen.table in (None, "core"):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(auth_table(chosen.runs))
    if chosen.table != "gateway":
        _store_tables(chosen)
    if chosen.table in (None, "gateway"):
        try:
            gateway_table(QUICK if chosen.quick else FULL)
        except NoCompiler as missing:
            parser.exit(1, f"{missing}\n")


def _store_tables(chosen: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="bellwire-bench-") as directory:
        form = embedded if chosen.store == "sqlite" else spread
        with form(Path(directory)) as (fleet, api, node):
            # A collection in the generator would show as the server's latency.
            gc.disable()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                if chosen.table in (None, "core"):
                    runner.run(core_table(fleet, api, node, chosen.runs, chosen.items, SCALES[chosen.store]))
                if chosen.table in (None, "campaigns"):
                    runner.run(campaign_table(fleet, api, node, chosen.runs, SCALES[chosen.store]))


if __name__ == "__main__":
    main()
