"""``bellwire listen`` as a process, its lines as they come."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from queue import Queue
from typing import Any

LINE_S = 40.0


class Listener:
    """``bellwire listen USER --json``; every line is one message."""

    def __init__(self, user: str, environ: Mapping[str, str], *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "listen", user, "--json", *words],
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
        )
        self._lines: Queue[bytes] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def next(self) -> dict[str, Any]:
        """The next message.

        :raises Empty: none came within 40 s.
        """
        message: dict[str, Any] = json.loads(self._lines.get(timeout=LINE_S))
        return message

    def end(self, signal: int) -> int:
        """Send ``signal``; the exit code."""
        self._process.send_signal(signal)
        code = self._process.wait(timeout=10)
        self._reader.join(timeout=10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code
