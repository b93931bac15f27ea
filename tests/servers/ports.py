"""Ports for servers that tests start."""

import random
import socket

_RANGE = range(10_000, 32_000)
"""Below what Linux gives to outgoing connections, so that none of ours takes the port before its server does."""


def free_port() -> int:
    """A port that nobody listens on now."""
    while True:
        port = random.choice(_RANGE)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
