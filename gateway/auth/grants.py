"""Grants: the live channels that a user token may subscribe to. Pure."""

from collections.abc import Iterable


def allows(grants: Iterable[str], topic: str) -> bool:
    """Whether one of ``grants`` is the topic's name, or a ``prefix:*`` that it begins with.

    A ``*`` elsewhere, or alone, is a character like any other: nothing grants every topic by accident.
    """
    return any(topic == grant or (grant.endswith(":*") and topic.startswith(grant[:-1])) for grant in grants)
