"""Every setting and every limit, in one place.

A field ``redis_url`` is the environment variable ``BELLWIRE_REDIS_URL`` and the flag ``--redis-url``. The comment
behind a limit says what happens at the bound.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from gateway.fields import field_error, text
from inbox.errors import ConfigError
from inbox.ids import NAME_PATTERN, NAME_RULE
from inbox.store.registry import REVOCATION_KEEP_S

Role = Literal["serve", "gateway", "api", "worker"]

_DAY_S = 86_400
MIN_SECRET_BYTES = 32
MIN_LOG_KEEP_S = 300

# Whatever fits can be computed with; infinity and NaN never fit.
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
KeepS = Annotated[float, Meta(ge=1, le=36_500 * _DAY_S)]


class Settings(Struct, frozen=True, kw_only=True):
    """What an operator may set. Defaults run everything on one machine with nothing installed."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080
    data_dir: str = "data"
    redis_url: str | None = None
    mongo_url: str | None = None

    user_jwt_secret: str | None = None
    user_jwt_public_key: str | None = None
    user_jwks_url: str | None = None
    user_jwt_issuer: str | None = None
    jwt_audience: str = "bellwire"
    allowed_origins: str | None = None
    tenant: Annotated[str, text(NAME_PATTERN, NAME_RULE)] = "default"

    log_keep_entries: Count = 1_000
    log_keep_s: KeepS = 30 * _DAY_S
    item_keep_s: KeepS = 90 * _DAY_S
    sessions_per_address: Count = 5_000
    trusted_proxies: str | None = None
    drain_s: Annotated[float, Meta(ge=0, le=600)] = 10.0
    client_requests_per_s: Annotated[float, Meta(ge=0.001, le=1_000_000)] = 1_000.0
    client_requests_burst: Count = 2_000
    test: bool = False

    def __post_init__(self) -> None:
        _check(self)


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds on what comes from outside. Fixed in this version; each names its policy."""

    request_bytes: int = 256 * 1024  # 413 too_large
    head_bytes: int = 16 * 1024  # request line and headers: 431, connection closed
    request_read_s: float = 15.0  # a request not complete by then: 408, connection closed
    keep_alive_s: int = 75  # an idle HTTP connection is closed; longer than usual proxies keep theirs
    json_depth: int = 32  # 422 invalid
    recipients: int = 1_000  # 422 invalid
    title_characters: int = 200  # 422 invalid
    body_characters: int = 4_000  # 422 invalid
    data_bytes: int = 16 * 1024  # 422 invalid
    url_characters: int = 2_048  # 422 invalid
    actions: int = 5  # 422 invalid
    label_characters: int = 100  # of an action, of an actor's name: 422 invalid
    collapse_key_characters: int = 128  # 422 invalid
    send_ahead_s: int = 366 * _DAY_S  # the furthest `send_at`: 422 invalid
    member_changes: int = 1_000  # users added to and removed from a topic by one request: 422 invalid
    bulk_users: int = 1_000  # profiles written by one request: 422 invalid
    description_characters: int = 200  # of a topic: 422 invalid
    signal_bytes: int = 64 * 1024  # the data of a signal as JSON: 422 invalid
    grants: int = 100  # topics a minted token may name: 422 invalid
    list_items: int = 100  # of one page of a list; 422 invalid
    mark_ids: int = 500  # 422 invalid
    token_bytes: int = 16 * 1024  # 401 unauthorized / 4500
    idempotency_key_characters: int = 255  # 422 invalid
    page_items: int = 100  # 422 invalid
    changes_entries: int = 500  # 422 invalid
    user_token_ttl_s: int = _DAY_S  # 422 invalid
    access_token_ttl_s: int = 900  # how long an access token lives
    jwks_refresh_s: float = 300.0  # keys older than this are fetched again
    jwks_interval_s: float = 10.0  # and never more often than this
    jwks_keep_s: float = 3_600.0  # keys die at this age when the key server does not answer: 503 / 4008
    jwks_timeout_s: float = 5.0  # an answer that takes longer counts as none
    jwks_bytes: int = 256 * 1024  # a larger answer counts as none
    leeway_s: int = 30  # clock difference allowed when a token's times are checked
    keys_reload_s: float = 10.0  # our own signing keys are read again this often
    keys_search_s: float = 1.0  # and for a key we do not know, but no more often than this: 401 / 4500
    keys_timeout_s: float = 2.0  # the store did not give them by then: what is known stays, else 503 / 4008
    client_check_s: float = 5.0  # a client is looked up this often: revoked, its access tokens end within 10 s
    clients_remembered: int = 5_000  # of those looked up; beyond it the one unused for longest is looked up again
    revocations_read_s: float = 1.0  # revoked user tokens are read this often: void everywhere within 2 s
    revocations_timeout_s: float = 2.0  # the store did not give them by then: those known stay in force
    revocations: int = 100_000  # in force; beyond it a new one is refused, none is forgotten: 503 unavailable
    revocation_keep_s: int = REVOCATION_KEEP_S  # then a revocation is dropped: user tokens must not live longer
    jti_characters: int = 256  # of a token to be revoked alone: 422 invalid
    old_secret_s: int = _DAY_S  # how long a client's old secret lives after a rotation, unless the operator says
    failed_tokens_per_s: float = 0.1  # of one client id at /oauth/token, refill of the bucket below: 429 rate_limited
    failed_tokens_burst: int = 20  # that bucket: 429 rate_limited

    frame_bytes: int = 64 * 1024  # close 4502
    hello_timeout_s: float = 10.0  # close 4006
    heartbeat_s: float = 25.0  # a ping is sent
    pong_timeout_s: float = 10.0  # close 4005
    unasked_bytes: int = 4 * 1024  # what may follow a request for an event stream, all of it ignored: abort
    messages_per_s: float = 20.0  # close 4007; refill of the bucket below
    messages_burst: int = 200  # that bucket: close 4007; enough to come back and enter every channel at once
    pings_per_s: float = 2.0  # WebSocket pings and empty fragments: close 4007
    pings_burst: int = 50  # that bucket: close 4007
    marks_in_flight: int = 16  # of one session: error rate_limited, temporary
    topics_per_session: int = 100  # live channels one session may be in: error invalid
    sessions_per_user: int = 50  # the oldest is closed with 4504
    sessions_per_node: int = 100_000  # 503 unavailable before the handshake
    sessions_per_address: int = 5_000  # unless the operator says otherwise; an IPv6 /64 is one: 503 as above
    connections: int = 110_000  # of one process, with sessions or without; fewer where it may open fewer files
    callers: int = 10_000  # those without one, at most what sessions leave: idle for longest is closed, none is: 503
    connections_waiting: int = 10_000  # taken, before their turn; the kernel's queue keeps the others
    full_retry_s: float = 15.0  # what the `Retry-After` of those says
    welcomes_per_s: float = 1_000.0  # a node's rate until it has measured its own
    welcome_wait_s: float = 8.0  # hellos that would wait longer at that rate: 503 as above, or `bye` 4008, with a slot
    slots_s: float = 120.0  # slots are given so far ahead; beyond it they begin anew, and are shared
    write_soft_bytes: int = 256 * 1024  # entries are withheld, one `sync` is owed
    channel_bytes: int = 4 * 1024 * 1024  # signals of a live channel that wait to go round: more are lost and counted
    write_hard_bytes: int = 4 * 1024 * 1024  # abort, 4002
    stuck_s: float = 20.0  # no progress of a full write buffer: abort, 4002
    close_grace_s: float = 5.0  # a client that does not answer our close frame by then: abort
    return_after_s: float = 1.0  # what `bye` asks for: come back after this long
    return_spread_s: float = 4.0  # and a random part of this
    welcome_entries: int = 500  # the rest follows as `entry` frames
    welcome_bytes: int = 256 * 1024  # the rest follows as `entry` frames
    snapshot_items: int = 25  # items in a snapshot welcome
    reassembly_frames: int = 512  # live frames kept per stream during a read; beyond: read again
    reads_at_once: int = 8  # of the log, each for up to 64 streams: hellos and repairs beyond wait their turn
    catch_up_entries: int = 2_000  # of one such read, for all its streams; the rest is in the next
    subscribe_timeout_s: float = 1.0  # a hello waits this long for the bus, then is served anyway
    head_check_s: float = 4.0  # every held stream is compared with the store this often
    head_check_grace_s: float = 0.5  # what the check finds behind may still be on its way for this long
    degraded_head_check_s: float = 2.0  # the same while the bus is deaf
    ack_flush_s: float = 1.0  # acks of a stream are written at most this often
    presence_lease_s: float = 15.0  # a node that died is not listed after this, nor are its sessions
    presence_beat_s: float = 5.0  # the lease is renewed, and all sessions announced anew if it was gone
    presence_collect_s: float = 0.1  # joins and leaves of so long go to Redis together: the list lags by it
    presence_timeout_s: float = 2.0  # Redis did not answer: sessions cannot be listed, 503; what was told is told anew
    presence_changes: int = 10_000  # users that Redis is to be told of; beyond it all sessions are announced anew
    presence_reads: int = 16  # lists of sessions that are asked of Redis at once; others wait, then 503
    concurrent_requests: int = 2_000  # 503 unavailable before the body is read
    client_concurrent_requests: int = 500  # of one backend client in one process: 429 rate_limited
    user_concurrent_requests: int = 16  # of one user in one process, marks on sockets among them: 429 rate_limited
    user_requests_per_s: float = 50.0  # of those, refill of the bucket below: 429, for a mark on a socket its error
    user_requests_burst: int = 1_000  # that bucket: 429 rate_limited, for a mark on a socket its error
    users_remembered: int = 10_000  # for that bucket; beyond it the one who asked longest ago begins with a full one
    shed_after_s: float = 1.0  # a store request older than this, with as many others as the next line says in hand,
    shed_in_hand: int = 64  # means the store is slow: 503 unavailable before anything is stored
    store_wait_s: float = 60.0  # a process waits this long for its store at the start, then gives up
    drain_s: float = 10.0  # sessions are let go over this time when the process ends, unless the operator says
    shutdown_s: int = 10  # requests and sessions get this long to end, then they are cut


LIMITS = Limits()

FIELDS: dict[str, type] = {field.name: field.type for field in msgspec.structs.fields(Settings)}


def load(environ: Mapping[str, str] = os.environ, **flags: object) -> Settings:
    """Settings from flags, else ``BELLWIRE_*`` variables (``PORT`` as a last resort), else the defaults.

    :raises ConfigError: a value that does not fit, in one line that says what to set.
    """
    given: dict[str, Any] = {}
    for name in FIELDS:
        raw = flags.get(name)
        if raw is None:
            raw = environ.get(f"BELLWIRE_{name.upper()}") or None
        if raw is None and name == "port":
            raw = environ.get("PORT") or None
        if raw is not None:
            given[name] = raw
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        wrong = field_error(error, Settings)
        raise ConfigError(f"BELLWIRE_{wrong.field.upper()}: {wrong.message}") from None


def require(settings: Settings, role: Role) -> None:
    """Refuse settings a role cannot run on.

    :raises ConfigError: a role that runs apart without both URLs: it would have a store or a bus of its own.
    """
    if role == "serve":
        return
    missing = [
        name
        for name, value in (("BELLWIRE_MONGO_URL", settings.mongo_url), ("BELLWIRE_REDIS_URL", settings.redis_url))
        if not value
    ]
    if missing:
        raise ConfigError(f"bellwire {role} runs apart from the other roles, so it needs {' and '.join(missing)}")


def limits_of(settings: Settings) -> Limits:
    """The limits, with what of them an operator may set."""
    return msgspec.structs.replace(LIMITS, sessions_per_address=settings.sessions_per_address, drain_s=settings.drain_s)


def database_path(settings: Settings) -> Path:
    return Path(settings.data_dir) / "bellwire.sqlite3"


def _check(settings: Settings) -> None:
    secret = settings.user_jwt_secret
    if secret is not None and len(secret.encode()) < MIN_SECRET_BYTES:
        raise ConfigError(
            f"BELLWIRE_USER_JWT_SECRET is {len(secret.encode())} bytes long, HS256 needs at least {MIN_SECRET_BYTES}"
        )
    if settings.log_keep_s < MIN_LOG_KEEP_S and not settings.test:
        raise ConfigError(f"BELLWIRE_LOG_KEEP_S is {settings.log_keep_s:g}, expected at least {MIN_LOG_KEEP_S}")
    for name, value, schemes in (
        ("BELLWIRE_REDIS_URL", settings.redis_url, ("redis", "rediss", "redis+sentinel", "redis+cluster")),
        ("BELLWIRE_MONGO_URL", settings.mongo_url, ("mongodb", "mongodb+srv")),
        ("BELLWIRE_USER_JWKS_URL", settings.user_jwks_url, ("https", "http")),
    ):
        if value is not None and _scheme(value) not in schemes:
            raise ConfigError(f"{name}: expected a URL that begins with one of {', '.join(s + '://' for s in schemes)}")


def _scheme(url: str) -> str:
    """Empty: it is no URL."""
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""
