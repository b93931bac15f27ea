"""The database: how it is reached, its collections and their indexes, its generation.

At most one unique index beside ``_id`` in each collection: two deadlock under contention on servers that speak
MongoDB's wire on PostgreSQL.
"""

from typing import Any

from pymongo import AsyncMongoClient, ReadPreference, ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, ConfigurationError, InvalidURI
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from inbox.errors import ConfigError
from inbox.ids import new_token
from inbox.model import Head
from inbox.store.mongo.records import Place
from inbox.store.mongo.shapes import REMOVED

VERSION = 2
SERVER_SELECTION_S = 3.0
CONNECT_S = 2.0
POOL_MAX = 64
"""Connections of one process; a further operation waits for one, within its time."""

Document = dict[str, Any]
Collection = AsyncCollection[Document]


def connect(url: str) -> AsyncMongoClient[Document]:
    """A client of ``url``, which has not talked to anybody yet.

    :raises ConfigError: the URL does not parse, or asks for less than majority and journal.
    """
    try:
        client: AsyncMongoClient[Document] = AsyncMongoClient(
            url,
            serverSelectionTimeoutMS=int(SERVER_SELECTION_S * 1000),
            connectTimeoutMS=int(CONNECT_S * 1000),
            maxPoolSize=POOL_MAX,
            appname="bellwire",
        )
    except (InvalidURI, ConfigurationError, ValueError) as error:
        raise ConfigError(f"BELLWIRE_MONGO_URL cannot be used: {error}") from error
    asked = client.write_concern.document
    if asked.get("w", "majority") != "majority" or asked.get("j", True) is not True:
        raise ConfigError(
            f"BELLWIRE_MONGO_URL asks for the write concern {asked}: expected w=majority and journal=true"
        )
    return client


class Database:
    """The collections, all read and written at majority on the primary."""

    def __init__(self, client: AsyncMongoClient[Document], name: str) -> None:
        self.raw: AsyncDatabase[Document] = client.get_database(
            name,
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern("majority", j=True),
        )
        self.log: Collection = self.raw["log"]
        self.items: Collection = self.raw["items"]
        self.heads: Collection = self.raw["heads"]
        self.notifications: Collection = self.raw["notifications"]
        self.topics: Collection = self.raw["topics"]
        self.dropped_topics: Collection = self.raw["dropped_topics"]
        self.members: Collection = self.raw["members"]
        self.users: Collection = self.raw["users"]
        self.erasures: Collection = self.raw["erasures"]
        self.keys: Collection = self.raw["keys"]
        self.clients: Collection = self.raw["clients"]
        self.revocations: Collection = self.raw["revocations"]
        self.processes: Collection = self.raw["processes"]
        self._generation = ""

    async def prepare(self) -> None:
        """Make what is missing, and learn the generation.

        :raises ConfigError: the database is of another version.
        """
        made = await first_of(self.raw["meta"], "store", {"version": VERSION, "generation": new_token()})
        if (version := made["version"]) != VERSION:
            raise ConfigError(f"expected schema version {VERSION}, found {version}: use the Bellwire that wrote it")
        self._generation = made["generation"]
        await self._index()

    async def _index(self) -> None:
        only_open = {"open": True}
        await self.log.create_index([("stream", 1), ("n", 1)], unique=True)
        await self.log.create_index([("open", 1), ("stream", 1)], partialFilterExpression=only_open)
        inbox = [("stream", 1), ("incarnation", 1)]
        page = [("state.shape", 1), ("state.pos", -1), ("state.seq", 1), ("state.category", 1)]
        await self.items.create_index([*inbox, *page])
        await self.items.create_index([("state.shows", 1), ("_id", 1)])
        by_key = [("stream", 1), ("collapse_key", 1), ("state.shape", 1)]
        await self.items.create_index(by_key, partialFilterExpression={"collapse_key": {"$exists": True}})
        await self.items.create_index([("state.removed_at", 1)], partialFilterExpression={"state.shape": REMOVED})
        await self.heads.create_index([("trim_at", 1)])
        await self.notifications.create_index([("key", 1)], unique=True, sparse=True)
        await self.notifications.create_index([("key_until", 1)], sparse=True)
        await self.notifications.create_index([("due_at", 1)], sparse=True)
        waiting = {"state": "scheduled"}
        await self.notifications.create_index([("recipients", 1)], partialFilterExpression=waiting)
        await self.topics.create_index([("uid", 1)])
        await self.members.create_index([("uid", 1), ("_id", 1)])
        await self.members.create_index([("stream", 1), ("uid", 1)])
        await self.erasures.create_index([("due_at", 1)])
        await self.clients.create_index([("tenant", 1), ("created_at", 1)])
        await self.revocations.create_index([("user", 1), ("tenant", 1)])
        await self.revocations.create_index([("at", 1)])

    def head(self, place: Place) -> Head:
        """What a client is told of ``place``."""
        return Head(self.epoch(place.incarnation), place.seq, place.counts)

    def epoch(self, incarnation: int) -> str:
        return f"{self._generation}.{incarnation}"


async def first_of(collection: Collection, id: str, fields: Document) -> Document:
    """The document of this id, made with ``fields`` by whoever asks first."""
    made = await collection.find_one_and_update(
        {"_id": id}, {"$setOnInsert": fields}, upsert=True, return_document=ReturnDocument.AFTER
    )
    assert made is not None, "an upsert returns what it made"
    return made


DUPLICATE_KEY = 11_000


def duplicates(error: BulkWriteError) -> set[int]:
    """Which operations of an unordered bulk write met a document that was there before; all others succeeded.

    :raises BulkWriteError: anything else went wrong too.
    """
    refusals = error.details["writeErrors"]
    if error.details["writeConcernErrors"] or any(refusal["code"] != DUPLICATE_KEY for refusal in refusals):
        raise error
    return {refusal["index"] for refusal in refusals}
