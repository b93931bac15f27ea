"""Bellwire from a Python backend: publish notifications, keep topics and users, change your mind.

``Client`` waits, ``AsyncClient`` is awaited; they have the same methods.
"""

from msgspec import UNSET

from bellwire.awaiting import AsyncClient
from bellwire.blocking import Client
from bellwire.errors import (
    BellwireError,
    Conflict,
    FieldError,
    Forbidden,
    IdempotencyConflict,
    Invalid,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from bellwire.models import (
    Action,
    Actor,
    Channels,
    Erasure,
    Notification,
    Profile,
    Published,
    Rejected,
    Session,
    Topic,
    User,
    UserToken,
)
from bellwire.patience import Retries

__all__ = [
    "UNSET",
    "Action",
    "Actor",
    "AsyncClient",
    "BellwireError",
    "Channels",
    "Client",
    "Conflict",
    "Erasure",
    "FieldError",
    "Forbidden",
    "IdempotencyConflict",
    "Invalid",
    "NotFound",
    "Notification",
    "Profile",
    "Published",
    "RateLimited",
    "Rejected",
    "Retries",
    "Session",
    "TooLarge",
    "Topic",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
    "User",
    "UserToken",
]
