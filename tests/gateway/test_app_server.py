"""A process as the operator sees it: the ready line, signals, a port that is taken, what is in the log."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx2
import pytest

from gateway.server import listen, serve, url_of
from gateway.settings import LIMITS, Settings
from inbox.errors import ConfigError

SERVE = "from gateway.server import run; from gateway.settings import load; run(load(), 'serve')"


class Process:
    """``serve`` in a process of its own, on a free port."""

    def __init__(self, directory: Path, script: str = SERVE, **environ: str) -> None:
        environ = {**os.environ, "BELLWIRE_PORT": "0", "BELLWIRE_DATA_DIR": str(directory), **environ}
        self.popen = subprocess.Popen(
            [sys.executable, "-c", script], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.popen.stdout is not None
        self.first: dict[str, Any] = json.loads(self.popen.stdout.readline())
        self.ready = self.first if self.first["event"] == "ready" else json.loads(self.popen.stdout.readline())

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """As ``finish``, after ``number``."""
        self.popen.send_signal(number)
        return self.finish()

    def finish(self) -> tuple[int, str]:
        """The exit status, and everything it wrote since it was ready."""
        out, err = self.popen.communicate(timeout=20)
        return self.popen.returncode, out + err


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    started = Process(tmp_path)
    yield started
    if started.popen.poll() is None:
        started.end(signal.SIGKILL)


def test_the_ready_line_says_where_and_what(process: Process) -> None:
    assert process.ready.items() >= {"event": "ready", "role": "serve", "store": "sqlite", "bus": "memory"}.items()
    assert httpx2.get(process.ready["url"] + "/readyz", trust_env=False).status_code == 200


def test_lifted_safety_limits_are_warned_of_in_the_log(tmp_path: Path) -> None:
    process = Process(tmp_path, BELLWIRE_TEST="1", BELLWIRE_LOG_KEEP_S="5")
    assert process.end(signal.SIGTERM)[0] == 0
    assert process.first["level"] == "warning"
    assert "BELLWIRE_TEST" in process.first["reason"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells")
def test_the_table_of_open_files_has_its_size_before_sessions_come(process: Process) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    size = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("FDSize"))
    assert size >= min(soft, LIMITS.sessions_per_node)


def test_connections_that_nobody_uses_leave_descriptors_for_sessions(tmp_path: Path) -> None:
    process = Process(tmp_path, "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200)); " + SERVE)
    address = ("127.0.0.1", int(process.ready["url"].rpartition(":")[2]))
    with ExitStack() as stack:
        stack.callback(process.popen.kill)
        for _ in range(220):
            idle = stack.enter_context(socket.create_connection(address, timeout=10))
            idle.sendall(b"HEAD /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert idle.recv(1_000).startswith(b"HTTP/1.1 404 ")
        caller = stack.enter_context(socket.create_connection(address, timeout=10))
        caller.sendall(
            b"GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert caller.recv(1_000).startswith(b"HTTP/1.1 101 ")
        caller.close()
        assert process.end(signal.SIGTERM) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_cleanly(process: Process, number: signal.Signals) -> None:
    assert process.end(number) == (0, "")


def test_a_signal_ends_the_process_though_a_client_keeps_its_connection(process: Process) -> None:
    with httpx2.Client(trust_env=False) as http:
        assert http.get(process.ready["url"] + "/healthz").status_code == 200
        assert process.end(signal.SIGTERM)[0] == 0


def test_a_request_that_is_arriving_is_still_answered(process: Process) -> None:
    form = b"grant_type=client_credentials"
    with socket.create_connection(("127.0.0.1", int(process.ready["url"].rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(form))
        raw.sendall(b"Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n")
        assert raw.recv(1_000).startswith(b"HTTP/1.1 100")
        process.popen.send_signal(signal.SIGTERM)
        raw.sendall(form)

        assert raw.recv(1_000).startswith(b"HTTP/1.1 401")
    assert process.finish()[0] == 0


def test_nothing_of_a_request_is_in_the_log(process: Process) -> None:
    url = process.ready["url"]
    httpx2.get(url + "/v1/inbox?token=canary-query", headers={"authorization": "Bearer canary-token"}, trust_env=False)
    httpx2.post(url + "/v1/notifications", content=b"canary-body", trust_env=False)
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as raw:
        raw.sendall(b"canary garbage\r\n\r\n")
        raw.recv(1_000)

    assert "canary" not in process.end(signal.SIGTERM)[1]


def test_answers_do_not_name_the_software(process: Process) -> None:
    assert "server" not in httpx2.get(process.ready["url"] + "/healthz", trust_env=False).headers


def test_a_port_that_is_taken_is_a_setting_to_correct() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(ConfigError, match="BELLWIRE_PORT"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_a_host_that_does_not_exist_is_a_setting_to_correct() -> None:
    with pytest.raises(ConfigError, match="BELLWIRE_HOST"):
        listen("256.256.256.256", 0)


def test_an_address_of_another_machine_is_a_host_to_correct() -> None:
    """192.0.2.0/24 is for documentation: no machine has an address in it."""
    with pytest.raises(ConfigError, match="BELLWIRE_HOST"):
        listen("192.0.2.1", 0)


def test_connections_inherit_the_kernels_deadline_for_unread_data() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000


def test_an_ipv6_address_stands_in_brackets() -> None:
    listener = Mock(getsockname=lambda: ("::1", 8080, 0, 0))
    assert url_of(listener) == "http://[::1]:8080"


@pytest.mark.anyio
async def test_what_a_role_apart_lacks_is_named_before_its_port_is_tried() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="BELLWIRE_MONGO_URL and BELLWIRE_REDIS_URL"):
            await serve(Settings(port=taken.getsockname()[1]), "gateway")
