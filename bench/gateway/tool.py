"""The load's programs: built at first use, pinned, and told what to do line by line."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BUILT = HERE.parent.parent / ".cache" / "bench"
SOURCES = {"swarm": ("swarm.c", "session.c", "gauge.c"), "floor": ("floor.c", "gauge.c")}


class NoCompiler(Exception):
    """There is no ``cc``."""


def built(name: str) -> Path:
    """The program ``name``, compiled unless it is newer than its sources.

    :raises NoCompiler: there is no ``cc``.
    """
    sources = [HERE / "c" / source for source in SOURCES[name]]
    program = BUILT / name
    newest = max(file.stat().st_mtime for file in (HERE / "c").iterdir())
    if program.exists() and program.stat().st_mtime > newest:
        return program
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoCompiler(
            "the load generator is in C, and there is no compiler: on Debian, apt-get install gcc libc6-dev"
        )
    BUILT.mkdir(parents=True, exist_ok=True)
    fresh = program.with_suffix(f".{os.getpid()}")
    subprocess.run([compiler, "-O2", "-o", fresh, *sources], check=True)
    return fresh.rename(program)


class Cores:
    """Which cores the server runs on, which redis-server, and which the load. The last two share one if need be."""

    def __init__(self) -> None:
        every = sorted(os.sched_getaffinity(0))
        self.server = {every[0]}
        self.redis = {every[1 % len(every)]}
        self.load = set(every[2:]) or self.redis


@contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """What is started in here runs on ``cores`` for ever."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Tool:
    """A program that takes commands on stdin, and answers each with one line of JSON when it is done."""

    def __init__(self, command: Sequence[str | Path], cores: set[int]) -> None:
        with pinned(cores):
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, preexec_fn=many_files
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")

    def hear(self) -> dict[str, Any]:
        """The answer to the oldest command that has none.

        :raises RuntimeError: the program has ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, command: str) -> dict[str, Any]:
        self.tell(command)
        return self.hear()

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


def many_files() -> None:
    """Let this process open as many files as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def swarm(port: int, path: str, scripts: Sequence[str], directory: Path, cores: Cores, *beat: str) -> Iterator[Tool]:
    """A swarm of WebSocket clients, one for each of ``scripts``; see c/swarm.c.

    :param beat: the text of the server's heartbeat and of its answer, if it has one.
    """
    tool = Tool([built("swarm"), "127.0.0.1", str(port), path, *beat], cores.load)
    try:
        file = directory / f"scripts-{tool.pid}"
        file.write_text("".join(f"{script}\n" for script in scripts))
        tool.ask(f"load {file}")
        file.unlink()
        yield tool
    finally:
        tool.stop()


@contextmanager
def publisher(cores: Cores) -> Iterator[Tool]:
    tool = Tool([sys.executable, "-m", "bench.gateway.publisher"], cores.load)
    try:
        yield tool
    finally:
        tool.stop()


def cpu_ns(pid: int) -> int:
    """User and system time that a process has used: the CPU clock of another process (``MAKE_PROCESS_CPUCLOCK``)."""
    return time.clock_gettime_ns(~pid << 3 | 2)
