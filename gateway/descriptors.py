"""What a process makes of the descriptors it may have: sessions, connections without one, and all the rest."""

import fcntl
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from gateway.settings import LIMITS, Limits

_RESERVE = 256
"""For the store, the bus, key servers, and connections on their way in or out."""


def make_room() -> None:
    """Take all that the system gives: the usual soft limit is 1,024. Some systems refuse their own hard limit.

    Linux doubles the table of open files when it is full, and for that stops a process of several threads for 10 to
    20 ms, in a storm of sessions five times: so it gets its size now, while there is one thread.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with suppress(ValueError, OSError), Path(os.devnull).open() as spare:
        os.close(fcntl.fcntl(spare, fcntl.F_DUPFD_CLOEXEC, min(count(), LIMITS.sessions_per_node) - 1))


def count() -> int:
    """How many this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def within(limits: Limits, descriptors: int) -> Limits:
    """``limits``, or as much of them as there are ``descriptors`` for: no kind can use up those of another. Pure."""
    left = descriptors - min(_RESERVE, descriptors // 4)
    waiting = min(limits.connections_waiting, left // 16)
    connections = min(limits.connections, left - waiting)
    sessions = min(limits.sessions_per_node, left - waiting - min(limits.callers, left // 8))
    return replace(limits, connections_waiting=waiting, connections=connections, sessions_per_node=sessions)
