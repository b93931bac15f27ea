"""A node under load: ``bellwire serve`` with SQLite and the Redis bus, on a core of its own."""

import asyncio
import json
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from bench.gateway.publisher import TENANT, Order
from bench.gateway.tool import Cores, Tool, cpu_ns, pinned, swarm
from gateway.auth.keyring import TOKEN_KEYS, KeyRing
from gateway.auth.tokens import mint_user
from gateway.commands.minting import access_token
from gateway.parts import BUS_SECRET
from gateway.settings import Settings, database_path
from inbox.ids import stream_key
from inbox.store.sqlite import SqliteStore
from tests.faults.fleet import Fleet, Program
from tests.servers.redis import RedisServer

TOPIC = "bench"
UNLIMITED = {"BELLWIRE_CLIENT_REQUESTS_PER_S": "1000000", "BELLWIRE_CLIENT_REQUESTS_BURST": "1000000"}
TOKEN_S = 7_200
BEAT = ('{"t":"ping"}', '{"t":"pong"}')


class Usage(Struct, frozen=True):
    """What a process has used at a moment. ``pss_kb`` counts pages that it shares by their share."""

    at: float
    cpu_s: float
    rss_kb: int
    pss_kb: int
    files: int
    waited_s: float
    """How long its first thread was ready to run and did not: others had its core."""

    def waited_since(self, before: "Usage") -> float:
        """The share of the time since ``before``."""
        return (self.waited_s - before.waited_s) / (self.at - before.at)


class Node(Struct, frozen=True):
    """A running node, and what its load needs to know."""

    cores: Cores
    directory: Path
    program: Program
    redis: RedisServer
    settings: Settings
    bus_key: str
    epoch: str

    @property
    def port(self) -> int:
        return urlsplit(self.program.url).port or 0

    def usage(self) -> Usage:
        return usage(self.program.pid)

    def files(self) -> int:
        return files(self.program.pid)

    @contextmanager
    def clients(self, scripts: Sequence[str]) -> Iterator[Tool]:
        with swarm(self.port, "/v1/ws", scripts, self.directory, self.cores, *BEAT) as tool:
            yield tool

    def order(self, kind: str, **order: Any) -> str:
        """An order for the publisher to put something on this node's bus."""
        full = Order(kind=kind, port=self.redis.port, key=self.bus_key, topic=TOPIC, epoch=self.epoch, **order)
        return msgspec.json.encode(full).decode()

    def token(self) -> str:
        """A backend's."""
        return asyncio.run(access_token(self.settings, "notifications:write", "topics"))

    def signal_post(self) -> str:
        """The request that puts a signal into the topic, as a template for the publisher."""
        head = f"Authorization: Bearer {self.token()}\r\nContent-Type: application/json\r\nContent-Length: {{size}}"
        return f'POST /v1/topics/{TOPIC}/signals HTTP/1.1\r\nHost: bench\r\n{head}\r\n\r\n{{"data":{{data}}}}'

    def publish(self, wire: HTTPConnection, token: str, recipients: Sequence[str], title: str) -> None:
        """Publish a notification.

        :raises RuntimeError: it was not accepted.
        """
        body = json.dumps({"recipients": recipients, "title": title})
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        wire.request("POST", "/v1/notifications", body, headers)
        with wire.getresponse() as answer:
            if answer.status != 202:
                raise RuntimeError(f"{answer.status}: {answer.read()!r}")
            answer.read()

    def metrics(self) -> dict[str, float]:
        with urllib.request.urlopen(self.program.url + "/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}

    def settle(self, condition: Callable[[dict[str, float]], bool], timeout_s: float = 30.0) -> float:
        """Wait until the node's metrics meet ``condition``. How many seconds it took.

        :raises TimeoutError: they did not in time.
        """
        began = time.monotonic()
        while not condition(self.metrics()):
            if time.monotonic() - began > timeout_s:
                raise TimeoutError(f"the node did not come to rest: {self.metrics()}")
            time.sleep(0.1)
        return time.monotonic() - began

    def scripts(self, users: Sequence[str], seq: int | None = 0, subscribe: bool = False) -> list[str]:
        """What the sessions of ``users`` say: hello with a cursor at ``seq``, and maybe that they enter the topic."""
        cursor = "" if seq is None else f'"cursor":{{"epoch":"{self.epoch}","seq":{seq}}},'
        enter = f'\t{{"t":"sub","topic":"{TOPIC}","op":"s"}}' if subscribe else ""
        tokens = asyncio.run(_mint(self.settings, users))
        return [f'{{"t":"hello",{cursor}"token":"{token}"}}{enter}' for token in tokens]


def usage(pid: int) -> Usage:
    rollup = dict(_fields(Path(f"/proc/{pid}/smaps_rollup")))
    return Usage(time.perf_counter(), cpu_ns(pid) / 1e9, rollup["Rss"], rollup["Pss"], files(pid), waited_s(pid))


def waited_s(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def files(pid: int) -> int:
    """How many files, sockets among them, a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def _fields(file: Path) -> Iterator[tuple[str, int]]:
    for line in file.read_text().splitlines()[1:]:
        name, value, *_ = line.split()
        yield name.rstrip(":"), int(value)


async def _mint(settings: Settings, users: Sequence[str]) -> list[str]:
    """A token of each of ``users``, signed with the server's own key."""
    store = SqliteStore(database_path(settings))
    await store.open()
    ring = KeyRing(partial(store.keys, TOKEN_KEYS))
    await ring.load()
    await store.close()
    return [mint_user(ring, settings, settings.tenant, user, TOKEN_S, [TOPIC]).token for user in users]


async def _secrets(settings: Settings) -> tuple[str, str]:
    """The bus key, and the epoch of streams that were never written."""
    store = SqliteStore(database_path(settings))
    await store.open()
    try:
        return (await store.secret(BUS_SECRET)).hex(), (await store.heads([stream_key(TENANT, "nobody")]))[0].epoch
    finally:
        await store.close()


@contextmanager
def node(cores: Cores) -> Iterator[Node]:
    """A new node with a new store and a new redis-server; all gone at the end."""
    with tempfile.TemporaryDirectory(prefix="bellwire-bench-") as made:
        directory = Path(made)
        redis = RedisServer(directory)
        settings = Settings(data_dir=str(directory / "data"), redis_url=redis.url, tenant=TENANT)
        environ = {"BELLWIRE_DATA_DIR": settings.data_dir, "BELLWIRE_REDIS_URL": redis.url, **UNLIMITED}
        fleet = Fleet(environ, directory)
        try:
            with pinned(cores.redis):
                redis.start()
            with pinned(cores.server):
                program = fleet.add("serve")
            yield Node(cores, directory, program, redis, settings, *asyncio.run(_secrets(settings)))
        finally:
            fleet.stop()
            redis.stop()
