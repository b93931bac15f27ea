"""What does not fit, by the name of the field: msgspec's errors in the words of our clients. Pure."""

import re
from difflib import get_close_matches
from typing import Any, get_args

import msgspec
from msgspec import Meta, Struct

from inbox.errors import FieldError

_AT = re.compile(r" - at `\$\.?(?P<path>.*)`$")
_UNKNOWN = re.compile(r"unknown field `(.*)`$", re.DOTALL)
_INDEX = re.compile(r"\[\d*\]")
_MISSING = re.compile(r"missing required field `(.*)`$")
_SHAPE = re.compile(r"matching regex (.*)$", re.DOTALL)

_RULES: dict[str, str] = {}


def text(pattern: str, rule: str, max_length: int | None = None) -> Meta:
    """The bounds of a string that matches ``pattern``. ``rule`` says so in words: to the reader, and to who errs."""
    _RULES[repr(pattern)] = rule
    return Meta(pattern=pattern, description=rule, max_length=max_length)


def field_error(error: msgspec.ValidationError, form: type[Struct]) -> FieldError:
    """msgspec's words as the path of the field and what was expected of it."""
    text = str(error)
    found = _AT.search(text)
    path = found["path"].replace("[...]", "") if found else ""
    message = text[: found.start()] if found else text
    if named := _UNKNOWN.search(message):
        return FieldError(join(path, named[1][:64]), _suggestion(named[1], path, form))
    if named := _MISSING.search(message):
        return FieldError(join(path, named[1]), "expected this field, it is missing")
    if (shape := _SHAPE.search(message)) and shape[1] in _RULES:
        return FieldError(path, _RULES[shape[1]])
    return FieldError(path or "body", message[:1].lower() + message[1:])


def join(path: str, name: str) -> str:
    """The path of member ``name`` of what is at ``path``; the whole body is at ``""``."""
    return f"{path}.{name}" if path else name


def _suggestion(name: str, path: str, form: type[Struct]) -> str:
    near = get_close_matches(name[:64], _members(form, path), n=1)
    return f"unknown field, did you mean {near[0]}?" if near else "unknown field"


def _members(form: type[Struct], path: str) -> list[str]:
    """The names of what may stand at ``path`` of ``form``."""
    at: type[Struct] | None = form
    for step in _INDEX.sub("", path).split(".") if path else ():
        types = {} if at is None else {field.encode_name: field.type for field in msgspec.structs.fields(at)}
        at = _struct_in(types.get(step))
    return [] if at is None else [field.encode_name for field in msgspec.structs.fields(at)]


def _struct_in(kind: Any) -> type[Struct] | None:
    """The Struct that ``kind`` is, holds, or may be."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind
    return next((found for part in get_args(kind) if (found := _struct_in(part))), None)
