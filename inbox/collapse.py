"""When a later notification takes over an unread item: what the item shows then. Pure."""

from typing import Any

import orjson

ACTORS_MAX = 5
"""Actors an item names; ``collapsed`` says how many notifications there were."""


def newest_actors(newest: bytes, earlier: bytes) -> bytes:
    """The actors of both, each once, newest first, at most ``ACTORS_MAX``. All are JSON arrays."""
    merged: dict[str, Any] = {}
    for actor in [*orjson.loads(newest), *orjson.loads(earlier)]:
        merged.setdefault(actor.get("id") or f"/{actor['name']}", actor)
    return orjson.dumps(list(merged.values())[:ACTORS_MAX])
