"""/docs: the OpenAPI document as one page to read. No script, no font, no request to anybody."""

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

Json = Mapping[str, Any]

_STYLE = (Path(__file__).parent / "docs.css").read_text()
_HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_FORM = "application/x-www-form-urlencoded"
_RULES = {
    "minLength": "{} or more characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "minimum": "from {}",
    "maximum": "to {}",
    "pattern": "{}",
}


class Docs:
    """Serves the page, rendered once."""

    def __init__(self, document: Json) -> None:
        self._page = render(document).encode()

    async def html(self, request: Request) -> Response:
        return Response(self._page, headers=_HEADERS, media_type="text/html")


def render(document: Json) -> str:
    """The page for an OpenAPI ``document``."""
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = document["components"]["schemas"]
    info = document["info"]
    links = "".join(
        f"<h2>{escape(tag['name'])}</h2>"
        + "".join(
            f'<a href="#{escape(each["operationId"])}">{_badge(method)}{escape(path)}</a>'
            for method, path, each in operations
            if tag["name"] in each["tags"]
        )
        for tag in document["tags"]
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(info['title'])} HTTP reference</title><style>{_STYLE}</style>"
        f"<nav><h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>{links}"
        '<h2>More</h2><a href="#schemas">Schemas</a><a href="#limits">Limits</a>'
        '<a href="/openapi.json">openapi.json</a></nav>'
        f"<main><p class=lead>{_prose(info['description'])}</p>"
        + "".join(_operation(*each) for each in operations)
        + "<h2 id=schemas>Schemas</h2>"
        + "".join(_schema(name, schema) for name, schema in schemas.items())
        + f"<h2 id=limits>Limits</h2><p>Bytes, seconds and counts, as the names say.</p>{_limits(document['x-limits'])}"
        + "</main></html>"
    )


def _operation(method: str, path: str, operation: Json) -> str:
    parameters = {each["name"]: {**_words(each), **each["schema"]} for each in operation["parameters"]}
    required = [each["name"] for each in operation["parameters"] if each["required"]]
    asked = operation.get("requestBody", {"content": {}})
    body = "".join(
        f"<p>Body: {_kind(content['schema'])} "
        f"<span class=rule>{escape(kind)} · {_prose(asked['description'])}</span></p>" + _example(content, kind)
        for kind, content in asked["content"].items()
    )
    return (
        f'<section id="{escape(operation["operationId"])}"><h3>{_badge(method)}<code>{escape(path)}</code>'
        f"{_security(operation['security'])}</h3><p>{escape(operation['summary'])}.</p>"
        + (_fields(parameters, required) if parameters else "")
        + body
        + "<ul>"
        + "".join(_answer(status, each) for status, each in operation["responses"].items())
        + "</ul></section>"
    )


def _words(described: Json) -> Json:
    return {"description": described["description"]} if "description" in described else {}


def _answer(status: str, answer: Json) -> str:
    contents = answer.get("content", {})
    headers = "".join(f" <span class=rule>{escape(name)}</span>" for name in answer.get("headers", {}))
    if not status.startswith("2"):
        return f"<li><b class=bad>{status}</b> {_prose(answer['description'])}{headers}</li>"
    kinds = ", ".join(_kind(content["schema"]) for content in contents.values())
    examples = "".join(_example(content, kind) for kind, content in contents.items())
    return f"<li><b class=good>{status}</b> {kinds}{headers}{examples}</li>"


def _example(content: Json, kind: str) -> str:
    example = content.get("example")
    if example is None:
        return ""
    return f"<pre>{escape(_written(example, kind))}</pre>"


def _written(example: Any, kind: str) -> str:
    """``example`` as it travels, but for the indentation."""
    if isinstance(example, str):
        return example
    return urlencode(example) if kind == _FORM else orjson.dumps(example, option=orjson.OPT_INDENT_2).decode()


def _limits(limits: Json) -> str:
    rows = "".join(
        f"<tr><th><code>{escape(name)}</code><td>{each['value']:,}<td class=rule>{_prose(each['policy'])}"
        for name, each in limits.items()
    )
    return f"<table>{rows}</table>"


def _security(needs: list[Json]) -> str:
    words = [" ".join([scheme, *scopes]) for each in needs for scheme, scopes in each.items()]
    return "".join(f"<span class=scope>{escape(word)}</span>" for word in words or ["open"])


def _schema(name: str, schema: Json) -> str:
    return (
        f'<section id="schema-{escape(name)}"><h3><code>{escape(name)}</code></h3>'
        f"<p>{_prose(schema.get('description', ''))}</p>"
        f"{_fields(schema.get('properties', {}), schema.get('required', []))}</section>"
    )


def _fields(fields: Json, required: list[str]) -> str:
    rows = "".join(
        f"<tr><th><code>{escape(name)}</code>{'' if name in required else '?'}<td>{_kind(schema)}<td>{_rules(schema)}"
        for name, schema in fields.items()
    )
    return f"<table>{rows}</table>"


def _kind(schema: Json) -> str:
    """The type of a field in a few words, with links to the schemas it is made of."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " · ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items') or {'type': 'anything'})}"
    return escape(str(schema.get("type", "anything")))


def _rules(schema: Json) -> str:
    parts = [schema, *schema.get("anyOf", ())]
    rules = [rule for part in parts for rule in _bounds(part)]
    if schema.get("default") is not None:
        rules.append(f"default {orjson.dumps(schema['default']).decode()}")
    return f"<span class=rule>{escape(', '.join(rules))}</span>"


def _bounds(schema: Json) -> list[str]:
    """In words where there are any, which say what a pattern does."""
    words = schema.get("description")
    bounds = [text.format(schema[name]) for name, text in _RULES.items() if name in schema]
    return bounds if words is None else [words, *(each for each in bounds if each != schema.get("pattern"))]


def _badge(method: str) -> str:
    return f'<b class="method {method}">{method.upper()}</b>'


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
