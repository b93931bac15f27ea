"""Letting all sessions of a node go, at a pace at which the other nodes can take them in."""

import asyncio
import random
from collections.abc import Callable, Collection
from typing import Protocol

import structlog

from gateway.live.codes import CloseCode

log = structlog.get_logger()

STEP_S = 0.05


class Departing(Protocol):
    """A connection. See ``Connection``."""

    def dismiss(self, code: CloseCode, reason: str = "") -> None:
        """Say ``bye`` and close."""
        ...

    def abort(self, code: CloseCode) -> None: ...


async def drain(connections: Callable[[], Collection[Departing]], over_s: float, grace_s: float) -> None:
    """Dismiss every one of ``connections`` within ``over_s``, in a random order, and wait for the last to be gone.

    :param connections: those that are there now.
    :param grace_s: a client that has not gone that long after the last ``bye`` is cut off.
    """
    leaving = list(connections())
    random.shuffle(leaving)
    steps = max(1, round(over_s / STEP_S))
    for step in range(steps):
        for connection in leaving[step * len(leaving) // steps : (step + 1) * len(leaving) // steps]:
            connection.dismiss(CloseCode.DRAIN, "the server is going away")
        if len(leaving) > 1 and step < steps - 1:
            await asyncio.sleep(STEP_S)
    if await _are_gone(connections, grace_s):
        return
    log.warning("sessions_cut_off", sessions=len(connections()))
    for connection in list(connections()):
        connection.abort(CloseCode.DRAIN)
    await _are_gone(connections, grace_s)


async def _are_gone(connections: Callable[[], Collection[Departing]], within_s: float) -> bool:
    for _ in range(max(1, round(within_s / STEP_S))):
        if not connections():
            return True
        await asyncio.sleep(STEP_S)
    return not connections()
