"""The reference: complete, consistent, and readable without a script."""

import re
from html.parser import HTMLParser
from typing import Any

import httpx2
import jsonschema_rs
import pytest
from msgspec.structs import asdict
from schemathesis.specs.openapi.definitions import OPENAPI_31

from gateway.http.openapi import describe
from gateway.http.publish import NewNotification
from gateway.settings import LIMITS
from tests.gateway.http.conftest import Api
from tests.gateway.http.operations import OPERATIONS

pytestmark = pytest.mark.anyio

DOCUMENT = describe(OPERATIONS)


def nodes(value: Any) -> list[dict[str, Any]]:
    """Every object in ``value``."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value] * isinstance(value, dict) + [node for child in children for node in nodes(child)]


async def test_the_served_document_lists_what_the_process_answers(api: Api) -> None:
    document = (await api.http.get("/openapi.json")).json()

    assert document["openapi"] == "3.1.0"
    assert {(method.upper(), path) for path, methods in document["paths"].items() for method in methods} == {
        (each.method, each.path) for each in OPERATIONS
    }


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
async def test_every_documented_operation_is_answered(api: Api, operation: Any) -> None:
    answer = await api.http.request(operation.method, operation.path.replace("{id}", "x"))

    assert answer.status_code not in (404, 405)


def test_the_document_is_openapi_3_1() -> None:
    # Without formats: the meta-schema wants an absolute tokenUrl, OpenAPI 3.1 takes a relative one.
    jsonschema_rs.Draft202012Validator(OPENAPI_31, validate_formats=False).validate(DOCUMENT)


def test_every_schema_is_json_schema_2020_12() -> None:
    schemas = [node["schema"] for node in nodes(DOCUMENT) if isinstance(node.get("schema"), dict)]

    for schema in [*schemas, *DOCUMENT["components"]["schemas"].values()]:
        jsonschema_rs.meta.validate(schema)


def test_every_limit_is_there_with_what_happens_at_it() -> None:
    limits = DOCUMENT["x-limits"]

    assert {name: each["value"] for name, each in limits.items()} == asdict(LIMITS)
    assert limits["request_bytes"] == {"value": LIMITS.request_bytes, "policy": "413 too_large"}


def test_every_reference_in_the_document_leads_somewhere() -> None:
    references = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}

    assert references
    for reference in references:
        section, name = reference.removeprefix("#/components/").split("/")
        assert name in DOCUMENT["components"][section]


def test_every_operation_has_its_own_id_and_says_who_may_ask() -> None:
    operations = [each for methods in DOCUMENT["paths"].values() for each in methods.values()]
    schemes = DOCUMENT["components"]["securitySchemes"]

    assert len({each["operationId"] for each in operations}) == len(OPERATIONS)
    for operation in operations:
        for needed in operation["security"]:
            for scheme, scopes in needed.items():
                known = schemes[scheme].get("flows", {}).get("clientCredentials", {}).get("scopes", {})
                assert set(scopes) <= set(known)


def test_path_parameters_are_described() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            described = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert described == set(re.findall(r"\{(\w+)\}", path))


def test_the_body_of_a_publish_carries_its_limits() -> None:
    schema = DOCUMENT["components"]["schemas"][NewNotification.__name__]

    assert schema["required"] == ["title"]
    assert schema["properties"]["recipients"] == {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "maxItems": 1_000,
    }
    assert schema["additionalProperties"] is False


class Page(HTMLParser):
    """What a browser would ask for, and where the links of the page lead."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.ids.add(given.get("id") or "")
        self.links.add(given.get("href") or "")
        assert not {"src", "style"} & given.keys()
        assert not any(name.startswith("on") for name in given)


async def page(api: Api) -> tuple[httpx2.Response, Page]:
    answer = await api.http.get("/docs")
    parsed = Page()
    parsed.feed(answer.text)
    return answer, parsed


async def test_the_page_runs_nothing_and_fetches_nothing(api: Api) -> None:
    answer, parsed = await page(api)

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not {"script", "link", "img", "iframe"} & set(parsed.tags)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")


async def test_every_link_of_the_page_leads_somewhere(api: Api) -> None:
    _, parsed = await page(api)
    inside = {link.removeprefix("#") for link in parsed.links if link.startswith("#")}

    assert inside <= parsed.ids
    assert {each.id for each in OPERATIONS} <= parsed.ids
