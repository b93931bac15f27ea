"""``bellwire doctor``: is everything that the settings name there and fit to be used, and if not, what to do."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Literal

import click
from msgspec import Struct

from gateway.commands.opener import opened
from gateway.commands.options import STORE, with_settings
from gateway.parts import BUS_SECRET, make_bus
from gateway.settings import Settings
from inbox.bus.base import Bus
from inbox.errors import BellwireError, ConfigError
from inbox.ids import new_token
from inbox.registered import Process
from inbox.store.base import Store
from inbox.times import now_ms

SKEW_MAX_MS = 5_000
ECHO_S = 5.0

Level = Literal["ok", "warn", "fail"]


class Finding(Struct, frozen=True):
    """What one check found; ``text`` of a ``warn`` or ``fail`` says what to do."""

    level: Level
    check: str
    text: str


@click.command()
@with_settings(*STORE)
def doctor(settings: Settings) -> None:
    """Check configuration, store, bus and clocks; exit 1 if anything fails."""
    findings = [*configuration(settings), *asyncio.run(examine(settings))]
    for finding in findings:
        click.echo(f"{finding.level:<4}  {finding.check:<13}  {finding.text}")
    sys.exit(any(finding.level == "fail" for finding in findings))


def configuration(settings: Settings) -> Iterator[Finding]:
    """What the settings alone tell."""
    missing = [
        name
        for name, value in (("BELLWIRE_REDIS_URL", settings.redis_url), ("BELLWIRE_MONGO_URL", settings.mongo_url))
        if value is None
    ]
    if len(missing) == 1:
        yield Finding("warn", "configuration", f"only `serve` runs like this; roles apart also need {missing[0]}")
    else:
        yield Finding("ok", "configuration", "for `serve` alone" if missing else "for roles apart")
    if settings.test:
        yield Finding("warn", "configuration", "BELLWIRE_TEST lifts safety limits: unset it in production")


async def examine(settings: Settings) -> list[Finding]:
    """What the store and the bus answer."""
    try:
        async with opened(settings) as store:
            await store.ping()
            (head,) = await store.heads([f"{settings.tenant}/doctor"])
            where = "MongoDB" if settings.mongo_url else f"SQLite in {settings.data_dir}"
            generation = head.epoch.partition(".")[0]
            return [
                Finding("ok", "store", f"{where} answers and is durable, generation {generation}"),
                await echo(settings, store),
                *clocks(await store.processes()),
            ]
    except (BellwireError, OSError) as error:
        return [Finding("fail", "store", f"{error}: check BELLWIRE_MONGO_URL or BELLWIRE_DATA_DIR")]


async def echo(settings: Settings, store: Store) -> Finding:
    """Send something through the bus and wait for it to come back."""
    if settings.redis_url is None:
        return Finding("ok", "bus", "in-process")
    try:
        bus = make_bus(settings, await store.secret(BUS_SECRET))
    except ConfigError as error:
        return Finding("fail", "bus", str(error))
    try:
        took_ms = await _round_trip(bus)
    except (BellwireError, OSError, TimeoutError):
        return Finding("fail", "bus", f"Redis did not echo within {ECHO_S:g} s: check BELLWIRE_REDIS_URL and Redis")
    finally:
        await bus.close()
    return Finding("ok", "bus", f"Redis echoes in {took_ms} ms")


async def _round_trip(bus: Bus) -> int:
    stream, heard = f"doctor/{new_token()}", Heard()
    await bus.start(heard)
    async with asyncio.timeout(ECHO_S):
        while not await bus.subscribe([stream], ECHO_S):
            pass
        sent_at = now_ms()
        bus.publish(stream, 1, "doctor", b"{}")
        await heard.event.wait()
    return now_ms() - sent_at


class Heard:
    """Listens for the echo."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def receive(self, stream: str, seq: int, epoch: str, frame: bytes) -> None:
        self.event.set()

    def flush(self) -> None:
        return None

    def gap(self, streams: object) -> None:
        """Nothing can be missing before the echo is sent."""


def clocks(processes: list[Process]) -> Iterator[Finding]:
    """Whether the clocks of the running processes agree with the store's."""
    if not processes:
        yield Finding("ok", "clock", "no process is running")
        return
    wrong = [process for process in processes if abs(process.skew_ms) > SKEW_MAX_MS]
    for process in wrong:
        name = f"{process.role} on {process.host} (pid {process.pid})"
        yield Finding("fail", "clock", f"{name} is {process.skew_ms / 1000:+.1f} s off: synchronise its clock with NTP")
    if not wrong:
        most = max(abs(process.skew_ms) for process in processes)
        yield Finding("ok", "clock", f"{len(processes)} running processes, at most {most} ms off")
