"""Real Bellwire processes: started, killed, stopped and continued by a test."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from gateway.auth.clients import new_client
from gateway.commands.opener import opened
from gateway.settings import load
from inbox.registered import Client
from tests.servers.ports import free_port

READY_S = 30.0


def command(environ: Mapping[str, str], *words: str) -> str:
    """What a ``bellwire`` command prints.

    :raises AssertionError: it failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", *words],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Program:
    """One ``bellwire`` process on a port of its own that it keeps over restarts."""

    def __init__(self, role: str, environ: Mapping[str, str], log: Path) -> None:
        self._role = role
        self._log = log
        self._environ = {**os.environ, **environ, "BELLWIRE_PORT": str(free_port()), "PYTHONUNBUFFERED": "1"}
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: Queue[bytes] = Queue()
        self.url = f"http://127.0.0.1:{self._environ['BELLWIRE_PORT']}"

    def start(self) -> "Program":
        """Start it and wait until it says that it is ready."""
        return self.launch().ready()

    def launch(self) -> "Program":
        """Start it, and leave it to come up."""
        log = self._log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", self._role], env=self._environ, stdout=subprocess.PIPE, stderr=log
        )
        log.close()
        self._lines = Queue()
        threading.Thread(target=self._read, args=(self._process, self._lines), daemon=True).start()
        return self

    def ready(self) -> "Program":
        """Wait until it says that it is."""
        try:
            while not _is_ready(self._lines.get(timeout=READY_S)):
                pass
        except Empty:
            raise AssertionError(f"{self._role} was not ready in {READY_S} s: {self._log.read_text()}") from None
        return self

    def _read(self, process: subprocess.Popen[bytes], lines: "Queue[bytes]") -> None:
        assert process.stdout is not None
        with self._log.open("ab") as log, process.stdout:
            for line in process.stdout:
                log.write(line)
                lines.put(line)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.wait()

    def terminate(self) -> int:
        self.send(signal.SIGTERM)
        return self.wait()

    def send(self, number: signal.Signals) -> None:
        if self.is_running():
            os.kill(self.pid, number)

    def wait(self) -> int:
        assert self._process is not None
        return self._process.wait(timeout=30)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def cpu_s(self) -> float:
        """Seconds of processor time it has used."""
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def rss_kb(self) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("no VmRSS")


def _is_ready(line: bytes) -> bool:
    try:
        said: Any = json.loads(line)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("event") == "ready"


class Fleet:
    """The programs of one test; all of them gone when it ends.

    :param environ: the ``BELLWIRE_*`` settings every program gets.
    :param directory: where logs go; a failing test leaves them there.
    """

    def __init__(self, environ: Mapping[str, str], directory: Path) -> None:
        self.environ = dict(environ)
        self._directory = directory
        self._programs: list[Program] = []

    def add(self, role: str, **environ: str) -> Program:
        return self._launch(role, environ).ready()

    def add_all(self, *roles: str) -> list[Program]:
        """One of each of ``roles``, all started at once."""
        return [program.ready() for program in [self._launch(role, {}) for role in roles]]

    def client(self, *scopes: str) -> tuple[str, str]:
        """A new backend client's id and secret, as ``bellwire client create`` makes it; not on a running loop."""
        made, secret = new_client(load(self.environ).tenant, "tests", scopes)
        asyncio.run(self._keep(made))
        return made.id, secret

    async def _keep(self, made: Client) -> None:
        async with opened(load(self.environ)) as store:
            await store.put_client(made)

    def _launch(self, role: str, environ: Mapping[str, str]) -> Program:
        log = self._directory / f"{role}-{len(self._programs)}.log"
        program = Program(role, {**self.environ, **environ}, log)
        self._programs.append(program)
        return program.launch()

    def stop(self) -> None:
        for program in self._programs:
            program.send(signal.SIGCONT)
            program.send(signal.SIGKILL)
        for program in self._programs:
            program.wait()
