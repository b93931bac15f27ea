"""The file, and how it is opened."""

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from inbox.errors import ConfigError, Unavailable
from inbox.ids import new_token
from inbox.store.sqlite import schema

BUSY_TIMEOUT_S = 5.0
_RETRY_S = 0.01
# A checkpoint rewrites each changed page once: rare ones make bulk writes 40 % faster, and the WAL stays < 100 MB.
WAL_PAGES = 20_000
# Bulk publishes touch the last page of each stream: this holds those of 16,000 streams.
CACHE_KB = 65_536


def create(path: Path) -> sqlite3.Connection:
    """Open the file for writing, made (mode 0600) with its directory and tables where missing.

    :raises ConfigError: the file cannot be used: not ours, of another version, or not writable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _touch(path)
        db = _connect(path.as_uri(), BUSY_TIMEOUT_S)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"cannot open the database {path}: {error}") from error
    try:
        _prepare(db)
    except (ConfigError, sqlite3.Error) as error:
        db.close()
        raise ConfigError(f"cannot use the database {path}: {error}") from error
    return db


def _touch(path: Path) -> None:
    """Make the file with its mode if it is missing. One that is there is not opened: when a process closes a file, all
    locks that its other connections hold on it are gone (sqlite.org/howtocorrupt.html, section 2.2)."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _prepare(db: sqlite3.Connection) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version not in (*schema.EXTENDED, schema.VERSION):
        raise ConfigError(f"expected schema version {schema.VERSION}, found {version}: use the Bellwire that wrote it")
    _use_wal(db)
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    if version in schema.EXTENDED:
        db.executescript(f"BEGIN IMMEDIATE; {schema.TABLES} PRAGMA user_version = {schema.VERSION}; COMMIT")
    db.execute("INSERT OR IGNORE INTO meta VALUES ('generation', ?)", (new_token(),))


def _use_wal(db: sqlite3.Connection) -> None:
    """Many may do this to a new file at once. Only one can, and the others are told that it is locked without the wait
    of the busy timeout, as they hold a lock that they would have to exchange for a stronger one."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_S)


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that can only read. It never waits for a lock: readers need none beside one WAL writer."""
    return _connect(f"{path.as_uri()}?mode=ro", timeout_s=0.0)


def _connect(uri: str, timeout_s: float) -> sqlite3.Connection:
    return sqlite3.connect(
        uri, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False, cached_statements=256
    )


def unavailable(error: sqlite3.Error) -> Unavailable:
    return Unavailable(f"the database does not answer: {error}")
