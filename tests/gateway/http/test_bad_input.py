"""Bad input to publish: a clear 4xx that names the field, and nothing is stored."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gateway.http.conftest import Api

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC)
GOOD: dict[str, Any] = {"recipients": ["alice"], "title": "Hello"}


def body(**members: Any) -> bytes:
    return json.dumps({**GOOD, **members}).encode()


def raw(member: str) -> bytes:
    return b'{"recipients":["alice"],"title":"Hello",' + member.encode() + b"}"


def in_days(days: float) -> str:
    return (NOW + timedelta(days=days)).isoformat()


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


NOT_JSON: dict[str, bytes] = {
    "empty": b"",
    "cut off": b'{"recipients":["alice"]',
    "text after the end": body() + b" x",
    "NaN": raw('"data":{"a":NaN}'),
    "Infinity": raw('"data":{"a":-Infinity}'),
    "UTF-16": body().decode().encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + body(),
    "not UTF-8": raw('"body":"\xff"').replace(b"\xc3\xbf", b"\xff"),
    "200,000 brackets": raw('"data":{"a":' + "[" * 200_000),
    "a bare word": b"title",
    "comments": b"/* hi */" + body(),
}

INVALID: dict[str, tuple[bytes, str]] = {
    "a list": (b"[]", "body"),
    "null": (b"null", "body"),
    "no recipients": (b'{"title":"Hello"}', "recipients"),
    "no title": (b'{"recipients":["alice"]}', "title"),
    "recipients empty": (body(recipients=[]), "recipients"),
    "recipients a string": (body(recipients="alice"), "recipients"),
    "1,001 recipients": (body(recipients=[f"u{n}" for n in range(1_001)]), "recipients"),
    "a number as recipient": (body(recipients=["alice", 7]), "recipients[1]"),
    "an operator as recipient": (body(recipients=["alice", {"$gt": ""}]), "recipients[1]"),
    "no recipient fits": (body(recipients=["a b", "$where/x"]), "recipients[0]"),
    "a 10 kB recipient alone": (body(recipients=["x" * 10_240]), "recipients[0]"),
    "a wildcard with a space": (body(recipients=["user *"]), "recipients[0]"),
    "a newline in a recipient": (body(recipients=["alice\n"]), "recipients[0]"),
    "a NUL in a recipient": (raw('"recipients":["a\\u0000"]'), "recipients[0]"),
    "title empty": (body(title=""), "title"),
    "title of 201 characters": (body(title="x" * 201), "title"),
    "title an operator": (body(title={"$gt": ""}), "title"),
    "title a lone surrogate": (raw('"title":"a\\ud800"'), "title"),
    "an encoded surrogate": (b'{"recipients":["alice"],"title":"\xed\xa0\x80"}', "title"),
    "a lone surrogate in data": (raw('"data":{"a":["x","\\udc00"]}'), "data.a[1]"),
    "a lone surrogate as a name": (raw('"data":{"\\ud800":1}'), "data"),
    "category with a capital": (body(category="Orders"), "category"),
    "category with a newline": (body(category="orders\n"), "category"),
    "category too long": (body(category="x" * 65), "category"),
    "body of 4,001 characters": (body(body="x" * 4_001), "body"),
    "body a list": (body(body=["x"]), "body"),
    "data a list": (body(data=[1]), "data"),
    "data too large": (body(data={"a": "x" * 16_384}), "data"),
    "data too deep": (raw('"data":{"a":' + nested(32) + "}"), "data"),
    "data far too deep": (raw('"data":{"a":' + nested(600) + "}"), "data"),
    "2**64": (raw('"data":{"a":18446744073709551616}'), "data"),
    "5,000 digits": (raw('"data":{"a":' + "9" * 5_000 + "}"), "data"),
    "1e400": (raw('"data":{"a":1e400}'), "data"),
    "javascript:": (body(url="javascript:alert(1)"), "url"),
    "//evil": (body(url="//evil.example"), "url"),
    "url too long": (body(url="/" + "x" * 2_048), "url"),
    "six actions": (body(actions=[{"label": "x", "url": "/x"}] * 6), "actions"),
    "an action to javascript:": (
        body(actions=[{"label": "x", "url": "/x"}, {"label": "x", "url": "JaVaScRiPt:x"}]),
        "actions[1].url",
    ),
    "an action without a label": (body(actions=[{"url": "/x"}]), "actions[0].label"),
    "an action with more": (body(actions=[{"label": "x", "url": "/x", "onclick": "x"}]), "actions[0].onclick"),
    "an actor without a name": (body(actor={"id": "bob"}), "actor.name"),
    "an actor with a javascript: avatar": (body(actor={"name": "B", "avatar": "javascript:x"}), "actor.avatar"),
    "priority urgent": (body(priority="urgent"), "priority"),
    "priority an operator": (body(priority={"$ne": "low"}), "priority"),
    "key empty": (body(idempotency_key=""), "idempotency_key"),
    "key too long": (body(idempotency_key="x" * 256), "idempotency_key"),
    "key with a newline": (body(idempotency_key="k\n"), "idempotency_key"),
    "key a number": (body(idempotency_key=7), "idempotency_key"),
    "a field of the item": (body(seq=9), "seq"),
    "a tenant": (body(tenant="other"), "tenant"),
    "_id": (body(_id="x"), "_id"),
    "__proto__": (body(__proto__={"x": 1}), "__proto__"),
    "channels": (body(channels=["email"]), "channels"),
    "recipients and a topic": (body(topic="news"), "recipients"),
    "neither": (b'{"title":"Hello","recipients":null}', "recipients"),
    "a topic that does not exist": (b'{"title":"Hello","topic":"nowhere"}', "topic"),
    "a topic with a slash": (b'{"title":"Hello","topic":"a/b"}', "topic"),
    "collapse key empty": (body(collapse_key=""), "collapse_key"),
    "collapse key of 129 characters": (body(collapse_key="x" * 129), "collapse_key"),
    "send_at without an offset": (body(send_at="2030-01-01T00:00:00"), "send_at"),
    "send_at a number": (body(send_at=1_900_000_000), "send_at"),
    "send_at in two years": (body(send_at=in_days(731)), "send_at"),
    "send_at in the year 10000": (body(send_at="10000-01-01T00:00:00Z"), "send_at"),
    "expires_at in the past": (body(expires_at=in_days(-1)), "expires_at"),
    "expires_at with send_at": (body(send_at=in_days(2), expires_at=in_days(2)), "expires_at"),
    "expires_at before send_at": (body(send_at=in_days(2), expires_at=in_days(1)), "expires_at"),
}


async def post(api: Api, content: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = await api.http.post("/v1/notifications", content=content, headers={**api.backend(), **headers})
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()


@pytest.mark.parametrize("name", NOT_JSON)
async def test_what_is_not_json_is_refused(api: Api, name: str) -> None:
    status, problem = await post(api, NOT_JSON[name])

    assert (status, problem["code"]) == (400, "bad_json")
    assert (await api.head()).seq == 0


@pytest.mark.parametrize("name", INVALID)
async def test_what_does_not_fit_is_refused_by_its_field(api: Api, name: str) -> None:
    content, field = INVALID[name]
    status, problem = await post(api, content)

    assert (status, problem["code"]) == (422, "invalid")
    assert field in [error["field"] for error in problem["errors"]]
    assert all(error["message"] for error in problem["errors"])
    assert (await api.head()).seq == 0


@pytest.mark.parametrize(
    ("wrong", "near"), [("recipient", "recipients"), ("titel", "title"), ("idempotencyKey", "idempotency_key")]
)
async def test_a_misspelt_field_is_answered_with_its_likely_name(api: Api, wrong: str, near: str) -> None:
    _, problem = await post(api, body(**{wrong: "x"}))

    assert problem["errors"] == [{"field": wrong, "message": f"unknown field, did you mean {near}?"}]


@pytest.mark.parametrize(
    ("member", "field", "near"),
    [
        ({"actor": {"nam": "Ada"}}, "actor.nam", "name"),
        ({"actions": [{"label": "x", "ulr": "/"}]}, "actions[0].ulr", "url"),
    ],
)
async def test_a_misspelt_field_within_another_is_too(api: Api, member: dict[str, Any], field: str, near: str) -> None:
    _, problem = await post(api, body(**member))

    assert problem["errors"] == [{"field": field, "message": f"unknown field, did you mean {near}?"}]


async def test_every_unsafe_url_is_named_at_once(api: Api) -> None:
    _, problem = await post(api, body(url="data:x", actions=[{"label": "x", "url": "data:x"}]))

    assert [error["field"] for error in problem["errors"]] == ["url", "actions[0].url"]


async def test_keys_that_differ_in_body_and_header_are_refused(api: Api) -> None:
    status, problem = await post(api, body(idempotency_key="a"), **{"idempotency-key": "b"})

    assert (status, problem["errors"][0]["field"]) == (422, "idempotency_key")


async def test_a_key_in_the_header_has_the_same_bounds(api: Api) -> None:
    status, problem = await post(api, body(), **{"idempotency-key": "x" * 256})

    assert (status, problem["errors"][0]["field"]) == (422, "idempotency_key")


async def test_another_content_type_is_refused(api: Api) -> None:
    status, problem = await post(api, body(), **{"content-type": "text/plain"})

    assert (status, problem["code"]) == (415, "unsupported_media_type")


async def test_json_with_a_charset_is_json(api: Api) -> None:
    answer = await api.http.post(
        "/v1/notifications",
        content=body(),
        headers={**api.backend(), "content-type": "application/json; charset=utf-8"},
    )

    assert answer.status_code == 202


async def test_a_body_over_the_limit_is_refused(api: Api) -> None:
    status, problem = await post(api, body(body="x" * 300_000))

    assert (status, problem["code"]) == (413, "too_large")


async def test_the_last_of_repeated_members_counts(api: Api) -> None:
    answer = await api.http.post("/v1/notifications", content=raw('"title":"Last"'), headers=api.backend())

    assert answer.status_code == 202
    assert (await api.inbox())["items"][0]["title"] == "Last"


async def test_the_largest_integers_and_depth_come_back_as_they_went_in(api: Api) -> None:
    data = {"big": 2**64 - 1, "small": -(2**63), "deep": json.loads(nested(31))}
    await api.published(data=data)

    assert (await api.inbox())["items"][0]["data"] == data
