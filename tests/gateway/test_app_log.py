"""Logs: JSON lines without secrets."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from gateway import log

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    before = structlog.get_config()
    log.configure(stream)
    yield stream
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def last(stream: io.StringIO) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return line


def test_a_line_is_one_json_object(stream: io.StringIO) -> None:
    structlog.get_logger().info("ready", url="http://x", text='a "quoted"\nline')

    assert last(stream).items() >= {"event": "ready", "level": "info", "text": 'a "quoted"\nline'}.items()
    assert len(stream.getvalue().splitlines()) == 1


def test_what_libraries_log_is_json_too(stream: io.StringIO) -> None:
    logging.getLogger("library").warning("something is odd")

    assert last(stream)["event"] == "something is odd"


@pytest.mark.parametrize("name", ["token", "client_secret", "password", "Authorization", "body"])
def test_what_is_called_a_secret_is_hidden(stream: io.StringIO, name: str) -> None:
    structlog.get_logger().info("event", **{name: "canary"})

    assert "canary" not in stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        f"got {TOKEN} from a client",
        "cannot reach redis://user:canary@redis.example:6379/0",
        "cannot reach mongodb://:canary@mongo.example/?w=1",
        "GET /v1/stream?token=canary&x=1",
        "Authorization: Bearer canary",
    ],
)
def test_what_looks_like_a_secret_is_hidden(stream: io.StringIO, text: str) -> None:
    structlog.get_logger().warning("failed", reason=text)
    logging.getLogger("library").warning(text)

    assert "canary" not in stream.getvalue()
    assert TOKEN not in stream.getvalue()


def test_a_traceback_is_in_the_line_without_its_secrets(stream: io.StringIO) -> None:
    try:
        raise ValueError(f"bad token {TOKEN}")
    except ValueError:
        structlog.get_logger().exception("request_failed")

    assert "Traceback" in last(stream)["exception"]
    assert TOKEN not in stream.getvalue()
