"""Connections to Redis: redis-py connects and authenticates, then bytes go straight through hiredis."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError, InvalidResponse, ResponseError

_READ_BYTES = 65_536
# A reply that is still incomplete beyond this comes from nobody of ours: the connection is given up.
_REPLY_BYTES_MAX = 4 * 1024 * 1024
_INCOMPLETE = object()
_ELSEWHERE = ("MOVED ", "CLUSTERDOWN ")


class Elsewhere(ResponseError):
    """What a primary of a cluster answers about a slot that it does not own, or no longer."""


def _error(text: str) -> ResponseError:
    return (Elsewhere if text.startswith(_ELSEWHERE) else ResponseError)(text)


def pack(*command: str | bytes) -> bytes:
    """A command as the bytes that go to Redis."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]
    return packed


class Link:
    """One connected connection. Commands and replies are not paired: that is the user's business.

    Everything waits as long as Redis lets it: the user sets the deadline.

    :param elsewhere: called when replies came that are ``Elsewhere``.
    """

    def __init__(self, connection: AbstractConnection, elsewhere: Callable[[], None]) -> None:
        # Private, but its own reader costs several times as much a message and hides confirmations of subscriptions.
        assert connection._reader is not None
        assert connection._writer is not None
        self._source = connection._reader
        self._sink = connection._writer
        self._elsewhere = elsewhere
        self._parser = hiredis.Reader(protocolError=InvalidResponse, replyError=_error, notEnoughData=_INCOMPLETE)

    async def send(self, commands: bytes) -> None:
        self._sink.write(commands)
        await self._sink.drain()

    async def receive(self) -> list[Any]:
        """The replies that have come, at least one byte of them.

        :raises ConnectionError: Redis closed the connection, or a reply exceeds 4 MiB.
        :raises ResponseError: one of the replies is an error other than ``Elsewhere``, which is a reply like others.
        """
        data = await self._source.read(_READ_BYTES)
        if not data:
            raise ConnectionError("Redis closed the connection")
        self._parser.feed(data)
        replies = []
        while (reply := self._parser.gets()) is not _INCOMPLETE:
            if isinstance(reply, Exception) and not isinstance(reply, Elsewhere):
                raise reply
            replies.append(reply)
        if any(isinstance(reply, Elsewhere) for reply in replies):
            self._elsewhere()
        if self._parser.len() > _REPLY_BYTES_MAX:
            raise ConnectionError(f"a reply of Redis is larger than {_REPLY_BYTES_MAX} bytes")
        return replies

    async def call(self, commands: Sequence[bytes]) -> list[Any]:
        """Send ``commands`` and wait until each has its reply. Raises as ``receive``."""
        await self.send(b"".join(commands))
        replies: list[Any] = []
        while len(replies) < len(commands):
            replies += await self.receive()
        return replies

    def close(self) -> None:
        """At once, without waiting for what a frozen Redis has not taken."""
        self._sink.transport.abort()


@asynccontextmanager
async def connected(connection: AbstractConnection, elsewhere: Callable[[], None]) -> AsyncIterator[Link]:
    """A link over ``connection``, closed at the end."""
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
        with closing(Link(connection, elsewhere)) as link:
            yield link
    finally:
        await connection.disconnect(nowait=True)
