"""What does not fit, by the name of the field: msgspec's errors in the words of our clients. Pure."""

import re
from difflib import get_close_matches

import msgspec
from msgspec import Struct

from inbox.errors import FieldError

_AT = re.compile(r" - at `\$\.?(?P<path>.*)`$")
_UNKNOWN = re.compile(r"unknown field `(.*)`$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(.*)`$")


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
    return FieldError(path or "body", message[:1].lower() + message[1:])


def join(path: str, name: str) -> str:
    """The path of member ``name`` of what is at ``path``; the whole body is at ``""``."""
    return f"{path}.{name}" if path else name


def _suggestion(name: str, path: str, form: type[Struct]) -> str:
    known = [] if path else [field.encode_name for field in msgspec.structs.fields(form)]
    near = get_close_matches(name[:64], known, n=1)
    return f"unknown field, did you mean {near[0]}?" if near else "unknown field"
