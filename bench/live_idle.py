"""What an idle session costs: memory of the server's process, and CPU to accept and welcome one.

usage: python -m bench.live_idle [--sessions 8000]
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from gateway.auth.keyring import TOKEN_KEYS, KeyRing
from gateway.auth.tokens import mint_user
from gateway.settings import Settings
from inbox.store.sqlite import SqliteStore
from tests.faults.fleet import Fleet, Program

AT_ONCE = 50
HANDSHAKE = (
    b"GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Idler(asyncio.Protocol):
    """A client that says hello when told to, and is silent otherwise."""

    __slots__ = ("_heard", "transport")

    def __init__(self) -> None:
        self._heard = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._heard.done():
            self._heard.set_result(None)

    async def ask(self, data: bytes) -> None:
        """Send ``data`` and wait for an answer."""
        self._heard = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        await self._heard


def text(payload: bytes) -> bytes:
    """A masked text frame, by a mask of zeros."""
    return bytes((0x81, 0xFE)) + len(payload).to_bytes(2, "big") + bytes(4) + payload


async def tokens(directory: Path, count: int) -> list[str]:
    """One of each of ``count`` users, signed with the server's own key."""
    settings = Settings(data_dir=str(directory))
    store = SqliteStore(directory / "bellwire.sqlite3")
    await store.open()
    ring = KeyRing(partial(store.keys, TOKEN_KEYS))
    await ring.load()
    await store.close()
    return [mint_user(ring, settings, settings.tenant, f"idler{number}", 3_600).token for number in range(count)]


async def connect(url: str) -> Idler:
    parts = urlsplit(url)
    _, idler = await asyncio.get_running_loop().create_connection(Idler, parts.hostname or "", parts.port or 80)
    await idler.ask(HANDSHAKE)
    return idler


async def greet(idler: Idler, token: str) -> None:
    await idler.ask(text(json.dumps({"t": "hello", "token": token}).encode()))


def cpu_s(program: Program) -> float:
    fields = Path(f"/proc/{program.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def say(what: str, program: Program, count: int, before: tuple[int, float, float]) -> None:
    rss_kb, cpu, at = program.rss_kb() - before[0], cpu_s(program) - before[1], time.perf_counter() - before[2]
    line = (
        f"{what:<28} {rss_kb * 1024 / count:>8,.0f} bytes  {cpu * 1e6 / count:>6,.0f} us CPU  {count / at:>7,.0f}/s\n"
    )
    os.write(1, line.encode())


async def measure(program: Program, directory: Path, count: int) -> None:
    def now() -> tuple[int, float, float]:
        return program.rss_kb(), cpu_s(program), time.perf_counter()

    passes = await tokens(directory, count)
    # The first sessions load what all share.
    for token in passes[:AT_ONCE]:
        await greet(await connect(program.url), token)
    idlers: list[Idler] = []
    before = start = now()
    for _ in range(count // AT_ONCE):
        idlers += await asyncio.gather(*(connect(program.url) for _ in range(AT_ONCE)))
    say("a connection, accepted", program, len(idlers), before)
    before = now()
    for first in range(0, len(idlers), AT_ONCE):
        await asyncio.gather(*map(greet, idlers[first : first + AT_ONCE], passes[first : first + AT_ONCE]))
    say("and welcomed", program, len(idlers), before)
    say("together", program, len(idlers), start)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.live_idle", description=__doc__)
    parser.add_argument("--sessions", type=int, default=8_000)
    count = parser.parse_args().sessions
    with tempfile.TemporaryDirectory(prefix="bellwire-bench-") as made:
        directory = Path(made)
        fleet = Fleet({"BELLWIRE_DATA_DIR": str(directory), "BELLWIRE_SESSIONS_PER_ADDRESS": "100000"}, directory)
        try:
            program = fleet.add("serve")
            with asyncio.Runner() as runner:
                runner.run(measure(program, directory, count))
        finally:
            fleet.stop()


if __name__ == "__main__":
    main()
