"""A MongoDB wire server for tests: ``BELLWIRE_TEST_MONGO_URL``, else ``mongod``, else mongo-java-server.

``python -m tests.servers.mongo`` fetches the last one with Maven and compiles what starts it, if it is the one to be
used. It has no replication, so a pass on it says nothing about majorities.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.freezing import freeze
from tests.servers.ports import free_port

_JAVA = Path(__file__).parent / "java"
_CACHE = Path(__file__).parents[2] / ".cache"
_JARS = _CACHE / "mongo-java-server"
_CLASSES = _CACHE / "mongo-launcher"
_START_S = 60.0
_STOP_S = 10.0


class MongoServer:
    """One server; ``start`` after ``stop`` or ``kill`` goes on with its data, on the same port.

    :param directory: where it keeps its data.
    :param is_busy: it will have so much to do that Java's second compiler pays off; otherwise that one costs more than
        all the rest.
    """

    def __init__(self, directory: Path, is_busy: bool = False) -> None:
        self._is_busy = is_busy
        self._given = os.environ.get("BELLWIRE_TEST_MONGO_URL")
        self.port = free_port()
        self.url = self._given or f"mongodb://127.0.0.1:{self.port}"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it accepts connections.

        :raises RuntimeError: it does not within 60 s, or there is no server to start.
        """
        if self._given:
            return
        self._process = subprocess.Popen(self._command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"the MongoDB test server does not listen on port {self.port}: {self._command()}")

    def stop(self) -> None:
        """End it in order, its data written; by force after 10 s. Nothing to do if it does not run."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_S)
            self.kill()

    def kill(self) -> None:
        """As by a power cut (SIGKILL); mongo-java-server may lose what it wrote in the last second."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay open and nothing is answered (SIGSTOP)."""
        freeze(self._own().pid)

    def thaw(self) -> None:
        self._own().send_signal(signal.SIGCONT)

    def require_own(self) -> None:
        """Skip the calling test if the server is somebody else's, which must not be stopped."""
        if self._given:
            pytest.skip("this test stops the server, and BELLWIRE_TEST_MONGO_URL names one that is not ours")

    def _own(self) -> subprocess.Popen[bytes]:
        self.require_own()
        assert self._process is not None, "the server is not running"
        return self._process

    def _command(self) -> list[str]:
        if mongod := shutil.which("mongod"):
            return [mongod, "--bind_ip", "127.0.0.1", "--port", str(self.port), "--dbpath", str(self._directory)]
        prepare()
        options = ["-Xmx768m", "-XX:+UseSerialGC", *([] if self._is_busy else ["-XX:TieredStopAtLevel=1"])]
        file = str(self._directory / "mongo.mv.db")
        return ["java", *options, "-cp", f"{_JARS}/*:{_CLASSES}", "Launcher", str(self.port), file]


def prepare() -> None:
    """Put mongo-java-server's jars and the compiled launcher into ``.cache``, unless they are there.

    :raises RuntimeError: the JDK or Maven is missing, or failed.
    """
    if not _JARS.is_dir():
        copying = ["mvn", "-q", "-B", "-f", str(_JAVA / "pom.xml"), "dependency:copy-dependencies"]
        _fill(_JARS, "maven", lambda part: [*copying, f"-DoutputDirectory={part}"])
    source = _JAVA / "Launcher.java"
    if not _CLASSES.is_dir() or _CLASSES.stat().st_mtime < source.stat().st_mtime:
        shutil.rmtree(_CLASSES, ignore_errors=True)
        compiling = ["javac", "-cp", f"{_JARS}/*", str(source)]
        _fill(_CLASSES, "default-jdk-headless", lambda part: [*compiling, "-d", str(part)])


def _fill(directory: Path, package: str, command: Callable[[Path], list[str]]) -> None:
    """Make ``directory`` with what ``command``, a program of ``package``, puts into the path it is made for.

    :raises RuntimeError: the program is missing, or failed.
    """
    part = directory.with_name(f"{directory.name}.{os.getpid()}")
    words = command(part)
    if shutil.which(words[0]) is None:
        raise RuntimeError(f"the MongoDB test server needs {words[0]}: install {package}, or put mongod on the PATH")
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        shutil.rmtree(part, ignore_errors=True)
        raise RuntimeError(f"{words[0]} could not make {directory.name}: {(done.stdout + done.stderr).strip()[:300]}")
    try:
        part.rename(directory)
    except OSError:
        shutil.rmtree(part)  # somebody else was faster


def main() -> None:
    if os.environ.get("BELLWIRE_TEST_MONGO_URL") or shutil.which("mongod"):
        return
    try:
        prepare()
    except RuntimeError as error:
        sys.exit(" ".join(str(error).split()))


if __name__ == "__main__":
    main()
