"""What a notification says: the members that publish and PATCH share, and what their forms cannot check. Pure."""

from typing import Annotated, Any

import orjson
from msgspec import Meta, Struct

from gateway.http.urls import URL_RULE, is_safe_url
from gateway.settings import LIMITS
from inbox.errors import FieldError, Invalid

Url = Annotated[str, Meta(min_length=1, max_length=LIMITS.url_characters, description=URL_RULE)]
Label = Annotated[str, Meta(min_length=1, max_length=LIMITS.label_characters)]
Title = Annotated[str, Meta(min_length=1, max_length=LIMITS.title_characters)]
Body = Annotated[str, Meta(max_length=LIMITS.body_characters)]


def data_bounds(max_bytes: int) -> Meta:
    """Those of somebody's own JSON, in words: no schema can say them. ``check_data`` sees to them."""
    return Meta(
        description=f"at most {max_bytes:,} bytes as JSON, {LIMITS.json_depth} levels of nesting, integers of 64 bits",
        extra_json_schema={"x-max-bytes": max_bytes, "x-max-depth": LIMITS.json_depth},
    )


Data = Annotated[dict[str, Any], data_bounds(LIMITS.data_bytes)]


class Action(Struct, frozen=True, forbid_unknown_fields=True):
    """A button."""

    label: Label
    url: Url


class Actor(Struct, frozen=True, forbid_unknown_fields=True):
    """Who did what the notification tells."""

    name: Label
    id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    avatar: Url | None = None


Actions = Annotated[tuple[Action, ...], Meta(max_length=LIMITS.actions)]


def check_content(content: dict[str, Any]) -> None:
    """What the form itself cannot say of these members of a notification, or of some of them.

    :raises Invalid: a URL that is not safe everywhere, or data beyond its bounds.
    """
    urls = [("url", content.get("url"))]
    urls += ((f"actions[{n}].url", action["url"]) for n, action in enumerate(content.get("actions", ())))
    urls.append(("actor.avatar", (content.get("actor") or {}).get("avatar")))
    errors = [FieldError(field, URL_RULE) for field, url in urls if url is not None and not is_safe_url(url)]
    errors += check_data("data", content.get("data"))
    if errors:
        raise Invalid(*errors)


def check_data(field: str, data: dict[str, Any] | None, max_bytes: int = LIMITS.data_bytes) -> list[FieldError]:
    """What is wrong with somebody's own JSON: too large, too deep, or beyond 64 bits."""
    message = None if data is None else _data_error(data, max_bytes)
    return [] if message is None else [FieldError(field, message)]


def _data_error(data: dict[str, Any], max_bytes: int) -> str | None:
    # orjson first: it refuses integers beyond 64 bits, and nesting that the walk below could not survive.
    try:
        size = len(orjson.dumps(data))
    except TypeError as error:
        return f"expected plain JSON: {error}"
    if size > max_bytes:
        return f"expected at most {max_bytes} bytes as JSON, got {size}"
    if _is_deeper(data, LIMITS.json_depth):
        return f"expected at most {LIMITS.json_depth} levels of nesting"
    return None


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    members = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(member, levels - 1) for member in members)
