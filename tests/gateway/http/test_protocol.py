"""The HTTP protocol on a real socket: heads, deadlines, garbage, connections that are used again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from gateway.http import protocol
from gateway.http.admission import Admission
from gateway.server import Server, listen
from gateway.settings import LIMITS
from tests.gateway.http.conftest import Api
from tests.waiting import until

pytestmark = pytest.mark.anyio

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Raw:
    """A connection that sends what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, Any]:
        """Status and JSON of the next answer."""
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length: ")[1].split("\r\n")[0])
            return int(head.split()[1]), orjson.loads(await self.reader.readexactly(length))

    async def is_closed(self) -> bool:
        async with asyncio.timeout(5):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True


@pytest.fixture
async def port(api: Api) -> AsyncIterator[int]:
    """A real server around the process; its port."""
    listener = listen("127.0.0.1", 0)
    server = Server(api.app, {})
    running = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    yield listener.getsockname()[1]
    server.should_exit = True
    await running


@pytest.fixture
async def raw(port: int) -> AsyncIterator[Raw]:
    connection = Raw(*await asyncio.open_connection("127.0.0.1", port))
    yield connection
    connection.writer.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests must be complete within 0.2 s."""
    monkeypatch.setattr(protocol, "LIMITS", replace(LIMITS, request_read_s=0.2))


async def test_requests_follow_each_other_on_one_connection(raw: Raw) -> None:
    for _ in range(3):
        await raw.send(HEALTH)
        assert await raw.answer() == (200, {"status": "alive"})


async def test_requests_sent_at_once_are_answered_in_order(raw: Raw) -> None:
    await raw.send(HEALTH + b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n" + HEALTH)

    assert [(await raw.answer())[1]["status"] for _ in range(3)] == ["alive", "ready", "alive"]


GARBAGE: dict[str, bytes] = {
    "noise": b"\x00\x01\x02\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a path that is not ASCII": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target without end": b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target with a port that is none": b"GET http://a:99999/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target without a path": b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method of nobody": b"FETCH / HTTP/1.1\r\nHost: x\r\n\r\n",
    "two lengths": b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "a length and chunks": (
        b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a negative length": b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a chunk that is none": b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a folded header": b"GET /healthz HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
    "a NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
}


BEHIND = [GARBAGE[name] for name in ("noise", "two lengths", "a target without end")]


@pytest.mark.parametrize("behind", [*BEHIND, HEALTH[:-2] + b"X: " + b"x" * 20_000])
async def test_what_is_refused_lets_the_request_before_it_have_its_answer(raw: Raw, behind: bytes) -> None:
    await raw.send(HEALTH + behind)

    assert await raw.answer() == (200, {"status": "alive"})
    assert await raw.is_closed()


async def test_a_body_that_is_refused_is_no_answer_to_the_request_before_it(raw: Raw) -> None:
    await raw.send(HEALTH + GARBAGE["a chunk that is none"])

    assert await raw.is_closed()


@pytest.mark.parametrize("name", GARBAGE)
async def test_what_is_not_http_is_refused_and_closed(raw: Raw, name: str) -> None:
    await raw.send(GARBAGE[name])
    status, problem = await raw.answer()

    assert (status, problem["code"]) == (400, "bad_request")
    assert await raw.is_closed()


HEADS: dict[str, bytes] = {
    "a large header": b"X: " + b"x" * LIMITS.head_bytes + b"\r\n\r\n",
    "many headers": b"".join(b"X%d: x\r\n" % n for n in range(10_000)) + b"\r\n",
    "a header without end": b"X: " + b"x" * 2 * LIMITS.head_bytes,
}


@pytest.mark.parametrize("name", HEADS)
async def test_a_head_over_the_limit_is_refused_and_closed(raw: Raw, name: str) -> None:
    await raw.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + HEADS[name])
    status, problem = await raw.answer()

    assert (status, problem["code"]) == (431, "headers_too_large")
    assert await raw.is_closed()


async def test_a_long_path_counts_as_head(raw: Raw) -> None:
    await raw.send(b"GET /" + b"x" * LIMITS.head_bytes + b" HTTP/1.1\r\nHost: x\r\n\r\n")

    assert (await raw.answer())[0] == 431


async def test_a_large_body_does_not_count_as_head(api: Api, raw: Raw) -> None:
    body = b'{"recipients":["alice"],"title":"Hello","idempotency_key":"' + b"x" * 40_000 + b'"}'
    token = api.backend()["authorization"].encode()
    await raw.send(
        b"POST /v1/notifications HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s"
        % (token, len(body), body)
    )

    assert (await raw.answer())[1]["errors"][0]["field"] == "idempotency_key"


SLOW: dict[str, bytes] = {
    "silence": b"",
    "half a line": b"GET /heal",
    "half a head": b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
    "half a body": b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ngrant",
    "half the chunks": b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ngrant\r\n",
}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("name", SLOW)
async def test_a_request_that_does_not_arrive_is_given_up(raw: Raw, name: str) -> None:
    if SLOW[name]:
        await raw.send(SLOW[name])
    status, problem = await raw.answer()

    assert (status, problem["code"]) == (408, "request_timeout")
    assert await raw.is_closed()


@pytest.mark.usefixtures("hasty")
async def test_the_second_request_of_a_connection_has_the_same_deadline(raw: Raw) -> None:
    await raw.send(HEALTH)
    await raw.answer()
    await raw.send(HEALTH[:20])

    assert (await raw.answer())[0] == 408


@pytest.mark.usefixtures("hasty")
async def test_empty_lines_between_requests_do_not_hold_a_connection(raw: Raw) -> None:
    await raw.send(HEALTH)
    await raw.answer()
    await raw.send(b"\r\n")

    assert (await raw.answer())[0] == 408


@pytest.mark.usefixtures("hasty")
async def test_a_connection_that_waits_for_its_next_request_is_not_cut_by_that_deadline(raw: Raw) -> None:
    await raw.send(HEALTH)
    await raw.answer()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.4):
            await raw.is_closed()
    await raw.send(HEALTH)

    assert (await raw.answer())[0] == 200


async def test_chunks_beyond_the_limit_are_refused(api: Api, raw: Raw) -> None:
    token = api.backend()["authorization"].encode()
    await raw.send(
        b"POST /v1/notifications HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % token
    )
    for _ in range(5):
        await raw.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    assert (await raw.answer())[1]["code"] == "too_large"


async def test_without_a_token_the_body_is_not_waited_for(raw: Raw) -> None:
    await raw.send(b"POST /v1/notifications HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")

    assert (await raw.answer())[0] == 401


async def test_a_client_that_leaves_in_the_middle_is_no_fault(
    api: Api, raw: Raw, capsys: pytest.CaptureFixture[str]
) -> None:
    token = api.backend()["authorization"].encode()
    await raw.send(
        b"POST /v1/notifications HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: 100\r\n\r\n{" % token
    )
    await until(lambda: in_hand(api) == 1)
    raw.writer.transport.abort()
    await until(lambda: in_hand(api) == 0)

    assert "request_failed" not in capsys.readouterr().out


def in_hand(api: Api) -> int:
    assert isinstance(api.app.asgi, Admission)
    return api.app.asgi.statistics().in_hand


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: b\r\n", b"Host: a\r\nhost: a\r\n"])
async def test_a_request_without_exactly_one_host_is_refused(raw: Raw, hosts: bytes) -> None:
    await raw.send(b"GET /healthz HTTP/1.1\r\n%s\r\n" % hosts)
    status, problem = await raw.answer()

    assert (status, problem["code"]) == (400, "bad_request")
    assert await raw.is_closed()


async def test_before_http_1_1_nobody_names_a_host(raw: Raw) -> None:
    await raw.send(b"GET /healthz HTTP/1.0\r\n\r\n")

    assert await raw.answer() == (200, {"status": "alive"})
