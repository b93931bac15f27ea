"""Connections to Redis: redis-py connects and authenticates, then bytes go straight through hiredis."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError, InvalidResponse, ResponseError

_READ_BYTES = 65_536
# A reply that is still incomplete beyond this comes from nobody of ours: the connection is given up.
_REPLY_BYTES_MAX = 4 * 1024 * 1024
_INCOMPLETE = object()


def pack(*command: str | bytes) -> bytes:
    """A command as the bytes that go to Redis."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]
    return packed


class Link:
    """One connected connection. Commands and replies are not paired: that is the user's business.

    Everything waits as long as Redis lets it: the user sets the deadline.
    """

    def __init__(self, connection: AbstractConnection) -> None:
        # Private, but its own reader costs several times as much a message and hides confirmations of subscriptions.
        assert connection._reader is not None
        assert connection._writer is not None
        self._source = connection._reader
        self._sink = connection._writer
        self._parser = hiredis.Reader(
            protocolError=InvalidResponse, replyError=ResponseError, notEnoughData=_INCOMPLETE
        )

    async def send(self, commands: bytes) -> None:
        self._sink.write(commands)
        await self._sink.drain()

    async def receive(self) -> list[Any]:
        """The replies that have come, at least one byte of them.

        :raises ConnectionError: Redis closed the connection, or a reply exceeds 4 MiB.
        :raises ResponseError: one of the replies is an error.
        """
        data = await self._source.read(_READ_BYTES)
        if not data:
            raise ConnectionError("Redis closed the connection")
        self._parser.feed(data)
        replies = []
        while (reply := self._parser.gets()) is not _INCOMPLETE:
            if isinstance(reply, Exception):
                raise reply
            replies.append(reply)
        if self._parser.len() > _REPLY_BYTES_MAX:
            raise ConnectionError(f"a reply of Redis is larger than {_REPLY_BYTES_MAX} bytes")
        return replies

    async def call(self, commands: Sequence[bytes]) -> None:
        """Send ``commands`` and wait until each has its reply. Raises as ``receive``."""
        await self.send(b"".join(commands))
        missing = len(commands)
        while missing > 0:
            missing -= len(await self.receive())

    def close(self) -> None:
        """At once, without waiting for what a frozen Redis has not taken."""
        self._sink.transport.abort()


@asynccontextmanager
async def connected(connection: AbstractConnection) -> AsyncIterator[Link]:
    """A link over ``connection``, closed at the end."""
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
        with closing(Link(connection)) as link:
            yield link
    finally:
        await connection.disconnect(nowait=True)
