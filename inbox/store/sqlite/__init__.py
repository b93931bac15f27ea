"""The embedded store: one SQLite file, one writer thread. ``store.SqliteStore`` is its face."""

from inbox.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
