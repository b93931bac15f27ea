"""The part of the store that keeps the register: ``inbox.store.registry.Registry``."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from inbox.registered import Client, Process, Revocation, StoredKey
from inbox.store.sqlite import registry
from inbox.store.sqlite.writer import Writer

T = TypeVar("T")


class Registrar(ABC):
    """Written through the writer, read in place."""

    _writer: Writer

    @abstractmethod
    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T: ...

    async def secret(self, name: str) -> bytes:
        return await self._writer.run(partial(registry.secret, name=name))

    async def keys(self, name: str) -> tuple[StoredKey, ...]:
        return await self._writer.run(partial(registry.keys, name=name))

    async def rotate(self, name: str, keep_s: float) -> StoredKey:
        return await self._writer.run(partial(registry.rotate, name=name, keep_s=keep_s))

    async def put_client(self, client: Client, was: Client | None = None) -> bool:
        return await self._writer.run(partial(registry.put_client, made=client, was=was))

    async def client(self, id: str) -> Client | None:
        return self._read(partial(registry.client, id=id))

    async def clients(self, tenant: str) -> list[Client]:
        return self._read(partial(registry.clients, tenant=tenant))

    async def revoke(self, revocation: Revocation) -> None:
        await self._writer.run(partial(registry.revoke, revocation=revocation))

    async def revocations(self, after: int) -> list[Revocation]:
        return self._read(partial(registry.revocations, after=after))

    async def beat(self, process: Process) -> None:
        await self._writer.run(partial(registry.beat, process=process))

    async def leave(self, process_id: str) -> None:
        await self._writer.run(partial(registry.leave, process_id=process_id))

    async def processes(self) -> list[Process]:
        return self._read(registry.processes)
