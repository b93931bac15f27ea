"""Ports for servers that tests start."""

import os
import random
import socket
from collections.abc import Iterator
from itertools import cycle

_RANGE = range(10_000, 32_000)
"""Below what Linux gives to outgoing connections, so that none of ours takes the port before its server does."""


def _ours() -> Iterator[int]:
    """Each port of this worker of pytest-xdist in turn: one may be bound a while after it was given out."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = _RANGE[worker :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]
    return cycle(random.sample(ports, len(ports)))


_ports = _ours()


def free_port() -> int:
    """A port that nobody listens on now, and that no other test was given."""
    while True:
        port = next(_ports)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
