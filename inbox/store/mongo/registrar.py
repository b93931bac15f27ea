"""The part of the store that keeps the register: ``inbox.store.registry.Registry``."""

from functools import partial

from inbox.registered import Client, Process, Revocation, StoredKey
from inbox.store.mongo.database import Database
from inbox.store.mongo.patience import Errands, persist
from inbox.store.mongo.registry import Registry
from inbox.store.mongo.revocations import Revocations


class Registrar:
    """``_errands`` are finished even if their callers are gone."""

    def __init__(self, database: Database) -> None:
        self._registry = Registry(database)
        self._revocations = Revocations(database.revocations)
        self._errands = Errands()

    async def secret(self, name: str) -> bytes:
        return await persist(partial(self._registry.secret, name))

    async def keys(self, name: str) -> tuple[StoredKey, ...]:
        return await persist(partial(self._registry.keys, name))

    async def rotate(self, name: str, keep_s: float) -> StoredKey:
        return await persist(partial(self._registry.rotate, name, keep_s))

    async def put_client(self, client: Client, was: Client | None = None) -> bool:
        return await persist(partial(self._registry.put_client, client, was))

    async def client(self, id: str) -> Client | None:
        return await persist(partial(self._registry.client, id))

    async def clients(self, tenant: str) -> list[Client]:
        return await persist(partial(self._registry.clients, tenant))

    async def revoke(self, revocation: Revocation) -> None:
        await self._errands.run(persist(partial(self._revocations.add, revocation)))

    async def revocations(self, after: int) -> list[Revocation]:
        return await persist(partial(self._revocations.after, after))

    async def beat(self, process: Process) -> None:
        await persist(partial(self._registry.beat, process))

    async def leave(self, process_id: str) -> None:
        await persist(partial(self._registry.leave, process_id))

    async def processes(self) -> list[Process]:
        return await persist(self._registry.processes)
