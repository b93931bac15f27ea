"""A TCP proxy before Redis that can swallow one message on its way to a node."""

import asyncio
from types import TracebackType
from urllib.parse import urlsplit


class SwallowingProxy:
    """Passes bytes both ways; after ``swallow(mark)`` it drops the next chunk from Redis that holds ``mark``.

    On a quiet connection a chunk is one whole message, so the protocol stays in step.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 6379)
        self._mark: bytes | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.swallowed = 0
        self.url = ""

    async def __aenter__(self) -> "SwallowingProxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def swallow(self, mark: bytes) -> None:
        self._mark = mark

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, down = await asyncio.open_connection(*self._target)
        for source, sink, inbound in ((reader, down, False), (upstream, writer, True)):
            task = asyncio.create_task(self._pass(source, sink, inbound))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, inbound: bool) -> None:
        try:
            while data := await source.read(65_536):
                if inbound and self._mark is not None and self._mark in data:
                    self._mark = None
                    self.swallowed += 1
                    continue
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()
