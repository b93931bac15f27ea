"""The file: its tables, and how it is opened.

What decides the speed of bulk writes is how many pages a recipient touches. So keys are integers, bulk rows go in by
ascending stream, an item's public id is not stored (``inbox.ids.item_id`` derives it), and an item *is* the row of
its created entry: that row outlives its place in the log, which ends at the stream's ``floor``.
"""

import os
import sqlite3
from pathlib import Path

from inbox.errors import ConfigError, Unavailable
from inbox.ids import new_token
from inbox.model import Kind

VERSION = 1
BUSY_TIMEOUT_S = 5.0
# A checkpoint rewrites each changed page once: rare ones make bulk writes 40 % faster, and the WAL stays < 100 MB.
WAL_PAGES = 20_000
# Bulk publishes touch the last page of each stream: this holds those of 16,000 streams.
CACHE_KB = 65_536

KINDS: tuple[Kind, ...] = ("created", "read", "unread", "seen", "archived", "unarchived", "removed")
"""A kind is stored as its place here: append only."""

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stream (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    incarnation INTEGER NOT NULL DEFAULT 0,
    seq INTEGER NOT NULL,
    unread INTEGER NOT NULL,
    unseen INTEGER NOT NULL,
    acked INTEGER NOT NULL DEFAULT 0,
    floor INTEGER NOT NULL DEFAULT 0,  -- the newest number that was trimmed from the log
    trim_at INTEGER NOT NULL  -- nothing that could be trimmed is older than this
) STRICT;
CREATE INDEX IF NOT EXISTS stream_trim_at ON stream (trim_at);

CREATE TABLE IF NOT EXISTS notification (
    id INTEGER PRIMARY KEY,
    public_id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    category TEXT NOT NULL,
    content BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    total INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS idempotency_key (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    notification INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idempotency_key_at ON idempotency_key (at);

CREATE TABLE IF NOT EXISTS entry (
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    at INTEGER NOT NULL,
    unread INTEGER NOT NULL,
    unseen INTEGER NOT NULL,
    -- of a created entry, and the state of the item it put there
    notification INTEGER,
    seen_at INTEGER,
    read_at INTEGER,
    archived_at INTEGER,
    removed_at INTEGER,
    -- of a mark: one or the other
    ids TEXT,
    upto INTEGER,
    PRIMARY KEY (stream, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS entry_notification ON entry (notification, stream) WHERE notification IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_removed_at ON entry (stream, removed_at) WHERE removed_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS client (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    record BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS process (
    id TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    host TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    beat_at INTEGER NOT NULL,
    pid INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


def create(path: Path) -> sqlite3.Connection:
    """Open the file for writing, made (mode 0600) with its directory and tables where missing.

    :raises ConfigError: the file cannot be used: not ours, of another version, or not writable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        db = _connect(path.as_uri(), BUSY_TIMEOUT_S)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"cannot open the database {path}: {error}") from error
    try:
        _prepare(db)
    except (ConfigError, sqlite3.Error) as error:
        db.close()
        raise ConfigError(f"cannot use the database {path}: {error}") from error
    return db


def _prepare(db: sqlite3.Connection) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version not in (0, VERSION):
        raise ConfigError(f"expected schema version {VERSION}, found {version}: use the Bellwire that wrote it")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    if version == 0:
        db.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT")
    db.execute("INSERT OR IGNORE INTO meta VALUES ('generation', ?)", (new_token(),))


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that can only read. It never waits for a lock: readers need none beside one WAL writer."""
    return _connect(f"{path.as_uri()}?mode=ro", timeout_s=0.0)


def _connect(uri: str, timeout_s: float) -> sqlite3.Connection:
    return sqlite3.connect(
        uri, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False, cached_statements=256
    )


def unavailable(error: sqlite3.Error) -> Unavailable:
    return Unavailable(f"the database does not answer: {error}")
