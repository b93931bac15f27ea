"""What an installation knows of itself: backends that may use it, keys, tokens that are void, processes. Frozen data.

Times are integer milliseconds since 1970 (``*_at``).
"""

from msgspec import Struct


class ClientSecret(Struct, frozen=True):
    """``hash`` is the SHA-256 of 256 random bits. While a client rotates, the old one lives until ``expires_at``."""

    hash: bytes
    created_at: int
    expires_at: int | None = None


class Client(Struct, frozen=True):
    """A backend that may ask for access tokens, unless it is revoked. At most two secrets, the newest first."""

    id: str
    tenant: str
    name: str
    scopes: tuple[str, ...]
    secrets: tuple[ClientSecret, ...]
    created_at: int
    revoked_at: int | None = None


class StoredKey(Struct, frozen=True):
    """A key that Bellwire made for itself: 32 random bytes under an id of its own."""

    id: str
    value: bytes
    created_at: int


class Revocation(Struct, frozen=True):
    """Tokens of one user that are void: the one that ``jti`` names, or without it all that were issued up to ``at``.

    ``number`` is given by the store: who has read up to one has read all before it.
    """

    tenant: str
    user: str
    at: int
    jti: str | None = None
    number: int = 0

    def voids(self, jti: str | None, issued_at: float) -> bool:
        """Whether a token of this user is void. ``issued_at`` is its ``iat``, in seconds since 1970."""
        return round(issued_at * 1_000) <= self.at if self.jti is None else jti == self.jti


class Process(Struct, frozen=True):
    """A running process as its heartbeat row shows it.

    ``beat_at`` is its own clock when it last beat, ``skew_ms`` that clock minus the store's at the same moment
    (MongoDB: ``$currentDate`` in the same update; SQLite: one machine, one clock, 0).
    """

    id: str
    role: str
    host: str
    started_at: int
    beat_at: int
    pid: int
    skew_ms: int = 0
