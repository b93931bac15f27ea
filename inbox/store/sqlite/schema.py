"""The tables.

What decides the speed of bulk writes is how many pages a recipient touches. So keys are integers, bulk rows go in by
ascending stream, an item's public id is not stored (``inbox.ids.item_id`` derives it), and an item *is* the row of
the entry that put it where it stands: that row outlives its place in the log, which ends at the stream's ``floor``.
"""

from inbox.model import Kind, NotificationState

VERSION = 3
EXTENDED = (0, 2)
"""Versions, that of a new file among them, to which the tables that they lack are added."""

KINDS: tuple[Kind, ...] = ("created", "updated", "read", "unread", "seen", "archived", "unarchived", "removed")
"""A kind is stored as its place here: append only."""

STATES: tuple[NotificationState, ...] = ("scheduled", "running", "done", "cancelled", "expired")
"""So is the state of a notification."""

GRAVE = "/"
"""What the key of an erased stream begins with until its rows are gone. No tenant's name is empty."""

TABLES = """
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
    content BLOB NOT NULL,  -- version 1; further ones are in table content
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    actors BLOB,
    collapse_key TEXT,
    send_at INTEGER,
    topic INTEGER,
    topic_name TEXT,
    total INTEGER NOT NULL,
    -- what has become of it, and what is still to be done
    state INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    fanned_out INTEGER NOT NULL,
    reached INTEGER NOT NULL DEFAULT 0,  -- the fan-out has passed every stream up to this
    shown INTEGER NOT NULL DEFAULT 1,  -- every item shows this version at least
    walked INTEGER NOT NULL DEFAULT 0,  -- the walk over the items has passed every stream up to this
    due_at INTEGER  -- when somebody has to look at it
) STRICT;
CREATE INDEX IF NOT EXISTS notification_due_at ON notification (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS content (
    notification INTEGER NOT NULL,
    version INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (notification, version)
) STRICT, WITHOUT ROWID;

-- those whom a notification that waits for its time goes to
CREATE TABLE IF NOT EXISTS recipient (
    notification INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    PRIMARY KEY (notification, stream)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS recipient_stream ON recipient (stream);

CREATE TABLE IF NOT EXISTS topic (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: members of a dropped topic are collected later
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    created_at INTEGER NOT NULL,
    size INTEGER NOT NULL DEFAULT 0,
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE IF NOT EXISTS member (
    topic INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    PRIMARY KEY (topic, stream)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS member_stream ON member (stream);
CREATE TABLE IF NOT EXISTS dropped_topic (id INTEGER PRIMARY KEY) STRICT;

CREATE TABLE IF NOT EXISTS user (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    record BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

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
    -- of created and updated: what the entry shows; these never change
    notification INTEGER,
    version INTEGER,  -- NULL: 1
    origin INTEGER,  -- the notification that the item was made from, where it is another
    collapsed INTEGER,  -- NULL: 0
    actors BLOB,
    -- the item that this entry put here: the notification it was made from; NULL if none is or it has moved on
    item INTEGER,
    collapse_key TEXT,
    item_seq INTEGER,  -- of its newest update,
    item_version INTEGER,  -- and what that shows; NULL: none
    -- its state; and of an update, the state that the item had then
    seen_at INTEGER,
    read_at INTEGER,
    archived_at INTEGER,
    removed_at INTEGER,
    -- of a mark: one or the other
    ids TEXT,
    upto INTEGER,
    reason TEXT,
    PRIMARY KEY (stream, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS entry_item ON entry (item, stream) WHERE item IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_taken_over ON entry (notification, stream) WHERE origin IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_collapse_key ON entry (stream, collapse_key) WHERE collapse_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_removed_at ON entry (stream, removed_at) WHERE removed_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS signing_key (
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    value BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    replaced_at INTEGER,
    PRIMARY KEY (name, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS client (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    record BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS client_tenant ON client (tenant, created_at);

CREATE TABLE IF NOT EXISTS revocation (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: whoever has read up to one asks for those above
    tenant TEXT NOT NULL,
    user TEXT NOT NULL,
    jti TEXT,  -- NULL: every token issued up to then
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS revocation_user ON revocation (tenant, user);
CREATE INDEX IF NOT EXISTS revocation_at ON revocation (at);

CREATE TABLE IF NOT EXISTS process (
    id TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    host TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    beat_at INTEGER NOT NULL,
    pid INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
