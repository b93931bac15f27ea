"""Request bodies and queries: read within their bounds, parsed into Structs, errors by the name of the field."""

import json
import re
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request

from gateway.fields import field_error, join
from gateway.settings import LIMITS
from inbox.errors import BadJson, Invalid, TooLarge, UnsupportedMediaType

Form = TypeVar("Form", bound=Struct)

_SURROGATE = re.compile("[\ud800-\udfff]")


class NoQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


async def read(request: Request, media_type: str = "application/json") -> bytes:
    """The body of ``request``, refused before more than the limit is held.

    :raises UnsupportedMediaType: a content type is given and is another.
    :raises TooLarge: more than ``request_bytes``.
    """
    given = request.headers.get("content-type")
    if given is not None and given.partition(";")[0].strip().lower() != media_type:
        raise UnsupportedMediaType(f"expected content-type {media_type}")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > LIMITS.request_bytes:
        raise _too_large()
    return await _gather(request)


async def _gather(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LIMITS.request_bytes:
            raise _too_large()
        if not message.get("more_body", False):
            return b"".join(parts)


def _too_large() -> TooLarge:
    return TooLarge(f"expected a body of at most {LIMITS.request_bytes} bytes")


class JsonBody(Generic[Form]):
    """Parses bodies of one form. The form forbids unknown fields; a misspelt one is answered with its likely name."""

    def __init__(self, form: type[Form]) -> None:
        self._decoder = msgspec.json.Decoder(form)
        self._form = form

    async def read(self, request: Request) -> Form:
        return self.parse(await read(request))

    async def read_if_any(self, request: Request) -> Form:
        """As ``read``; no body at all is the form with its defaults."""
        return self.parse(await read(request) or b"{}")

    def parse(self, body: bytes) -> Form:
        """:raises BadJson: not JSON. :raises Invalid: JSON, but not this form."""
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise Invalid(field_error(error, self._form)) from None
        except RecursionError:
            raise BadJson("expected JSON that is not nested so deeply") from None
        except ValueError as error:
            # msgspec calls a lone surrogate truncated input; the caller deserves the field.
            if field := _surrogate_field(body):
                raise Invalid.field(field, "expected text without lone surrogates") from None
            raise BadJson(f"expected JSON in UTF-8: {error}") from None


def parse_query(request: Request, form: type[Form]) -> Form:
    """The query string as ``form``.

    :raises Invalid: a parameter that is unknown, repeated or does not fit.
    """
    given: dict[str, str] = {}
    for name, value in parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if name in given:
            raise Invalid.field(name[:64], "expected it once")
        given[name] = value
    try:
        return msgspec.convert(given, form, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(field_error(error, form)) from None


def _surrogate_field(body: bytes) -> str | None:
    """The path of the first string in ``body`` with half a surrogate pair, if that is what is wrong with it."""
    try:
        return _surrogate_path(json.loads(body), "")
    except (ValueError, RecursionError):
        return None


def _surrogate_path(value: Any, path: str) -> str | None:
    if isinstance(value, str):
        return path if _SURROGATE.search(value) else None
    members: Any = ()
    if isinstance(value, dict):
        if any(_SURROGATE.search(name) for name in value):
            return path or "body"
        members = ((join(path, name), member) for name, member in value.items())
    elif isinstance(value, list):
        members = ((f"{path}[{number}]", member) for number, member in enumerate(value))
    return next((found for at, member in members if (found := _surrogate_path(member, at))), None)
