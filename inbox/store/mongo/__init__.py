"""The spread-out store: MongoDB. ``store.MongoStore`` is its face, ``records`` says what the documents look like."""

from inbox.store.mongo.store import MongoStore

__all__ = ["MongoStore"]
