"""Stopping a child process so that it has stopped when the call returns."""

import os
import signal


def freeze(pid: int) -> None:
    """SIGSTOP, and wait until every thread of the child stands still: the signal alone is only a request."""
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED)
