"""Accepting connections, and letting in as many in each turn of the loop as leave it short.

The event loop's own server takes all that wait in one go: 2,000 arrivals would stop everybody else for 100 ms. Here
they are taken from the kernel's queue, which drops those who find it full, and wait as bare sockets for their turn.
"""

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog

from gateway.live.tasks import Tasks
from gateway.settings import LIMITS

log = structlog.get_logger()

MOST = 16
TAKEN = 32
TURN_S = 0.001
"""What a turn should take at most while connections wait: with each comes work for the turns after it."""
RETRY_S = 1.0

Peer = tuple[Any, ...]
Greet = Callable[[socket.socket, Peer], Callable[[], asyncio.Protocol]]
"""Looks at a socket whose turn has come, and at where it comes from. Gives what makes its protocol. May raise
``OSError``: then the socket is closed."""


class Acceptor:
    """Accepts on ``listener`` until it is closed; stands where uvicorn keeps the loop's servers.

    :param greet: see ``Greet``; the socket does not block.
    :param most_waiting: sockets that may wait for their turn.
    :param is_behind: whether many of those let in still wait for what they came for.
    :param clock: monotonic time (s).
    """

    def __init__(
        self,
        listener: socket.socket,
        greet: Greet,
        most_waiting: int = LIMITS.connections_waiting,
        is_behind: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._is_behind = is_behind
        self._listener = listener
        self._greet = greet
        self._most_waiting = most_waiting
        self._waiting: deque[tuple[socket.socket, Peer]] = deque()
        self._at_once = 1
        self._let_in_at = 0.0
        self._tasks = Tasks()
        self._loop = asyncio.get_running_loop()
        self._is_closed = False
        self._begin()

    def close(self) -> None:
        """Accept no more."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.remove_reader(self._listener)
            while self._waiting:
                self._waiting.popleft()[0].close()

    async def wait_closed(self) -> None:
        await self._tasks.close()

    def _begin(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        is_idle = not self._waiting
        for _ in range(min(TAKEN, self._most_waiting - len(self._waiting))):
            try:
                connection = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                break
            except OSError as error:
                # No descriptors or no memory, mostly; those who were taken before it get their turn all the same.
                log.error("accept_failed", reason=str(error), retry_s=RETRY_S)
                self._loop.remove_reader(self._listener)
                self._loop.call_later(RETRY_S, self._begin)
                break
            self._waiting.append(connection)
        if is_idle and self._waiting:
            # In the next turn: what they have to say comes right behind them.
            self._loop.call_soon(self._let_in)

    def _let_in(self) -> None:
        for _ in range(min(self._quota(), len(self._waiting))):
            self._tasks.begin(self._connect(*self._waiting.popleft()))
        if self._waiting:
            self._loop.call_soon(self._let_in)

    def _quota(self) -> int:
        """How many to let in now: one more than in the last turn, or half as many if that took too long."""
        now = self._clock()
        is_slow = now - self._let_in_at > TURN_S
        self._let_in_at = now
        if is_slow or self._is_behind():
            self._at_once = max(1, self._at_once // 2)
        else:
            self._at_once = min(MOST, self._at_once + 1)
        return self._at_once

    async def _connect(self, connection: socket.socket, peer: Peer) -> None:
        try:
            connection.setblocking(False)
            await self._loop.connect_accepted_socket(self._greet(connection, peer), connection)
        except OSError:
            connection.close()
        except Exception:
            log.exception("connection_failed")
            connection.close()
