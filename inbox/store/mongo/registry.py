"""Keys, clients and running processes."""

import secrets
from datetime import UTC, datetime

import msgspec

from inbox.ids import new_token
from inbox.registered import Client, Process, StoredKey
from inbox.store.mongo.database import Database, Document, first_of
from inbox.store.mongo.records import document_of
from inbox.times import now_ms

SECRET_BYTES = 32
ALIVE_S = 60


class Registry:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def secret(self, name: str) -> bytes:
        kept = await first_of(self._db.keys, name, {"value": secrets.token_bytes(SECRET_BYTES)})
        return bytes(kept["value"])

    async def keys(self, name: str) -> tuple[StoredKey, ...]:
        """The keys of this name, the newest first; one is made if there is none."""
        ring = await first_of(self._db.keys, _ring(name), {"keys": [document_of(_new_key())]})
        return tuple(msgspec.convert(key, StoredKey) for key in ring["keys"])

    async def rotate(self, name: str, keep_s: float) -> StoredKey:
        """Put a new key before the others, and forget those replaced longer than ``keep_s`` ago."""
        await self.keys(name)
        made = _new_key()
        while True:
            ring = await self._db.keys.find_one({"_id": _ring(name)})
            assert ring is not None, "it was made above"
            replaced, *older = ring["keys"]
            kept = [key for key in older if key["replaced_at"] >= made.created_at - keep_s * 1000]
            after = [document_of(made), {**replaced, "replaced_at": made.created_at}, *kept]
            # Two rotations at once: each has to see the other's key.
            if (await self._db.keys.update_one(ring, {"$set": {"keys": after}})).modified_count:
                return made

    async def put_client(self, client: Client, was: Client | None) -> bool:
        by_id = {"_id": client.id}
        if was is None:
            await self._db.clients.replace_one(by_id, document_of(client), upsert=True)
            return True
        found = await self._db.clients.find_one(by_id)
        # Tried again after an answer that was lost, it finds what it wrote.
        if found is None or msgspec.convert(found, Client) not in (was, client):
            return False
        return (await self._db.clients.replace_one(found, document_of(client))).matched_count > 0

    async def client(self, id: str) -> Client | None:
        document = await self._db.clients.find_one({"_id": id})
        return None if document is None else msgspec.convert(document, Client)

    async def clients(self, tenant: str) -> list[Client]:
        found = self._db.clients.find({"tenant": tenant}).sort("created_at", 1)
        return [msgspec.convert(document, Client) async for document in found]

    async def beat(self, process: Process) -> None:
        """Refresh the row of ``process`` by both clocks, and forget those that stopped beating."""
        now = now_ms()
        row = msgspec.to_builtins(process) | {"beat_at": now}
        del row["skew_ms"]
        await self._db.processes.update_one(
            {"_id": process.id}, {"$set": row, "$currentDate": {"stored_at": True}}, upsert=True
        )
        await self._db.processes.delete_many({"beat_at": {"$lte": now - ALIVE_S * 1000}})

    async def leave(self, process_id: str) -> None:
        await self._db.processes.delete_one({"_id": process_id})

    async def processes(self) -> list[Process]:
        alive = self._db.processes.find({"beat_at": {"$gt": now_ms() - ALIVE_S * 1000}}).sort("started_at", 1)
        return [_process(document) async for document in alive]


def _ring(name: str) -> str:
    """Where keys are that are replaced; beside ``secret``, which never is."""
    return f"{name}/ring"


def _new_key() -> StoredKey:
    return StoredKey(new_token(), secrets.token_bytes(SECRET_BYTES), now_ms())


def _process(document: Document) -> Process:
    stored_at: datetime = document["stored_at"]
    skew_ms = document["beat_at"] - round(stored_at.replace(tzinfo=UTC).timestamp() * 1000)
    return msgspec.convert(document | {"skew_ms": skew_ms}, Process)
