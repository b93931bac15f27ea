"""The problems as Structs, for the reference."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class WrongField(Struct):
    """One field that does not fit."""

    field: str
    message: str


class Problem(Struct):
    """RFC 9457. ``code`` is stable; ``temporary`` says that the same request may succeed later.

    ``errors`` comes with ``invalid``; ``id`` with ``idempotency_conflict``: the notification that took the key.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    temporary: bool | UnsetType = UNSET
    errors: list[WrongField] | UnsetType = UNSET
    id: str | UnsetType = UNSET


class OAuthProblem(Struct):
    """An error of RFC 6749, section 5.2."""

    error: Literal["invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type"]
    error_description: str
