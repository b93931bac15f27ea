"""Other gateways under the same load, each only where ``install`` (or somebody) has put it."""

import os
import resource
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

import anyio
from msgspec import Struct

from bench.gateway.tool import BUILT, Cores, many_files, pinned
from tests.servers.ports import free_port
from tests.waiting import until

HERE = Path(__file__).parent
HOME = BUILT / "rivals"
START_S = 10.0


class Rival(Struct, frozen=True):
    """How to run one, and how clients and publishers speak to it.

    :param path: where its WebSocket is; ``script`` is what a client says (see c/session.h), ``beat`` its heartbeat.
    :param publish: the path that a body is posted to.
    """

    name: str
    path: str
    publish: str
    script: str = ""
    beat: tuple[str, ...] = ()

    def command(self, port: int, directory: Path) -> list[str] | None:
        """What starts it on ``port``; ``None``: it is not installed."""
        if self.name == "nchan":
            return _nchan(port, directory)
        node = shutil.which("node")
        if node is None or not (HOME / "node_modules" / self.name).is_dir():
            return None
        return [node, str(HERE / f"{self.name.replace('.', '')}.cjs"), str(port)]


RIVALS = (
    Rival("nchan", "/ws", "/pub"),
    Rival("ws", "/", "/"),
    # Engine.IO: it opens with `0{…}`, `40` is answered by `40{…}`, and `2` is a ping.
    Rival("socket.io", "/socket.io/?EIO=4&transport=websocket", "/", "\t40", ("2", "3")),
)


def _nchan(port: int, directory: Path) -> list[str] | None:
    nginx = HOME / "nchan" / "usr" / "sbin" / "nginx"
    if not nginx.exists():
        return None
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = Template((HERE / "nchan.conf").read_text()).substitute(port=port, files=files, home=HOME / "nchan")
    file = directory / "nchan.conf"
    file.write_text(text)
    return [str(nginx), "-p", str(directory), "-c", str(file), "-e", "stderr"]


class Running(Struct, frozen=True):
    """A rival that accepts connections; ``pid`` is the process that does the work."""

    rival: Rival
    pid: int
    port: int

    def post(self) -> str:
        """The request that sends something to everybody, as a template for the publisher."""
        head = f"POST {self.rival.publish} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json"
        return f"{head}\r\nContent-Length: {{size}}\r\n\r\n{{data}}"


@contextmanager
def running(rival: Rival, cores: Cores, directory: Path) -> Iterator[Running | None]:
    """``None``: it is not installed."""
    port = free_port()
    command = rival.command(port, directory)
    if command is None:
        yield None
        return
    libraries = ":".join(map(str, (HOME / "nchan" / "usr" / "lib").glob("*-linux-*")))
    environ = {**os.environ, "NODE_PATH": str(HOME / "node_modules"), "LD_LIBRARY_PATH": libraries}
    with pinned(cores.server):
        process = subprocess.Popen(command, env=environ, preexec_fn=many_files, stdout=subprocess.DEVNULL)
    try:
        anyio.run(until, lambda: _listens(port), START_S)
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield Running(rival, int(workers[0]) if workers else process.pid, port)
    finally:
        process.terminate()
        process.wait(timeout=START_S)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
