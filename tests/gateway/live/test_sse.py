"""``GET /v1/stream``: what a WebSocket hears, as server-sent events; and a client that comes back has everything."""

import asyncio
import itertools
import json
from email.utils import parsedate_to_datetime

import pytest

from inbox.errors import Unavailable
from tests.gateway.live.event_source import EventSource, seqs
from tests.gateway.live.node import Node, NodeFactory
from tests.gateway.live.raw import HELLO, TEXT, RawClient, frame
from tests.gateway.live.test_resume import epoch_of
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def test_a_stream_begins_with_a_snapshot_and_goes_on_live(node: Node) -> None:
    await node.publish("ann", 3)
    async with EventSource(node) as source:
        welcome = await source.welcome()
        epoch = await epoch_of(node)
        assert welcome.id == f"{epoch}:3"
        assert (welcome.message["t"], welcome.message["resumed"], welcome.message["seq"]) == ("welcome", False, 3)
        assert len(welcome.message["items"]) == 3
        await node.publish("ann", 2)
        entries = await source.entries(2)
        assert [entry.id for entry in entries] == [f"{epoch}:4", f"{epoch}:5"]
        assert seqs(entries) == [4, 5]


async def test_its_head_says_what_proxies_and_browsers_need(node: Node) -> None:
    async with EventSource(node) as source:
        status, headers = await source.head()
        parsedate_to_datetime(headers.pop("date"))
        assert (status, headers) == (
            200,
            {
                "content-type": "text/event-stream",
                "cache-control": "no-store",
                "x-content-type-options": "nosniff",
                "x-accel-buffering": "no",
                "connection": "close",
            },
        )
        assert 1_000 <= ((await source.event()).retry or 0) <= 5_000


@pytest.mark.parametrize("missed", [0, 10, 500, 501, 700])
async def test_who_comes_back_gets_exactly_what_was_missed(node: Node, missed: int) -> None:
    await node.publish("ann", 5 + missed)
    epoch = await epoch_of(node)
    async with EventSource(node, last_event_id=f"{epoch}:5") as source:
        welcome = await source.welcome()
        within = [entry["seq"] for entry in welcome.message["entries"]]
        assert welcome.message["resumed"]
        assert welcome.id == f"{epoch}:{5 + len(within)}"
        rest = seqs(await source.entries(missed - len(within)))
        await node.publish("ann")
        rest += seqs(await source.entries(1))
        assert within + rest == list(range(6, 7 + missed))


@pytest.mark.parametrize("last_event_id", ["foreign:3", "{epoch}:31", ""])
async def test_an_id_that_the_log_does_not_reach_gets_a_snapshot(node: Node, last_event_id: str) -> None:
    await node.publish("ann", 30)
    epoch = await epoch_of(node)
    async with EventSource(node, last_event_id=last_event_id.format(epoch=epoch)) as source:
        welcome = await source.welcome()
        assert (welcome.message["resumed"], welcome.id) == (False, f"{epoch}:30")


@pytest.mark.parametrize(
    "last_event_id",
    ["3", "e:", ":3", "e:-1", "e:x", "e:3x", "e:9007199254740992", "e:" + "1" * 400, "e" * 65 + ":3", "e:²"],
)
async def test_an_id_that_is_none_is_refused_by_its_name(node: Node, last_event_id: str) -> None:
    async with EventSource(node, last_event_id=last_event_id) as source:
        problem = await source.problem(422)
        assert [error["field"] for error in problem["errors"]] == ["Last-Event-ID"]


async def test_two_ids_are_refused(node: Node) -> None:
    async with EventSource(node, last_event_id="e:1", headers="Last-Event-ID: e:2\r\n") as source:
        assert (await source.head())[0] == 422


@pytest.mark.parametrize(
    ("token", "code"), [("", "unauthorized"), ("forged", "unauthorized"), ("expired", "token_expired")]
)
async def test_a_token_that_does_not_verify_is_401(node: Node, token: str, code: str) -> None:
    async with EventSource(node, token) as source:
        assert (await source.problem(401))["code"] == code


@pytest.mark.parametrize("query", ["token=ann", "cursor=e:1", "x=1"])
async def test_nothing_is_read_from_the_url(node: Node, query: str) -> None:
    async with EventSource(node, ask=f"GET /v1/stream?{query}") as source:
        assert (await source.head())[0] == 422


async def test_a_full_node_answers_503_and_says_when(start: NodeFactory) -> None:
    node = await start(sessions_per_node=1)
    async with EventSource(node) as first:
        await first.welcome()
        async with EventSource(node) as second:
            status, headers = await second.head()
            assert (status, headers["retry-after"]) == (503, "15")


async def test_tokens_that_cannot_be_verified_now_are_503(node: Node) -> None:
    async with EventSource(node, "unverifiable") as source:
        status, headers = await source.head()
        assert (status, headers["retry-after"]) == (503, "1")


async def test_an_inbox_that_cannot_be_read_is_503(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(node.store, "page", fail)
    async with EventSource(node) as source:
        status, headers = await source.head()
        assert status == 503
        assert int(headers["retry-after"]) >= 1
        assert json.loads(await source.rest())["temporary"]
    await until(lambda: node.hub.statistics().sessions == 0)


async def test_one_that_comes_and_goes_during_a_storm_has_everything_once(node: Node) -> None:
    await node.publish("ann")
    last = f"{await epoch_of(node)}:0"
    seen: list[int] = []
    publishing = asyncio.create_task(node.publish("ann", 299))
    for reads in itertools.cycle((0, 1, 7, 30)):
        async with EventSource(node, last_event_id=last) as source:
            welcome = await source.welcome()
            got = [entry["seq"] for entry in welcome.message["entries"]]
            last = welcome.id or ""
            for _ in range(min(reads, 300 - len(seen) - len(got))):
                entry = await source.hear_t("entry")
                got.append(entry.message["seq"])
                last = entry.id or ""
            seen += got
        if len(seen) == 300:
            break
    await publishing
    assert seen == list(range(1, 301))


async def test_a_socket_and_a_stream_of_one_user_hear_the_same_bytes(node: Node) -> None:
    async with RawClient(node) as client, EventSource(node) as source:
        await client.send(frame(TEXT, HELLO))
        await client.receive()
        await source.welcome()
        await node.publish("ann", 3, body="line\nbreaks\r\nand \u2028", data={"text": "a\nb"})
        for _ in range(3):
            assert await client.receive() == (TEXT, (await source.hear_t("entry")).data)


async def test_users_do_not_hear_each_other(node: Node) -> None:
    async with EventSource(node, "ann") as ann, EventSource(node, "bob") as bob:
        await ann.welcome()
        await bob.welcome()
        await node.publish("ann", title="for ann")
        await node.publish("bob", title="for bob")
        assert (await ann.hear_t("entry")).message["item"]["title"] == "for ann"
        assert (await bob.hear_t("entry")).message["item"]["title"] == "for bob"


async def test_heads_are_those_of_the_answer(node: Node) -> None:
    async with EventSource(node, ask="HEAD /v1/stream", headers="Connection: close\r\n") as source:
        status, headers = await source.head()
        assert (status, headers["content-type"]) == (200, "text/event-stream")
        assert "content-length" not in headers
        assert await source.rest() == b""
    assert node.hub.statistics().sessions == 0


async def test_other_methods_are_refused_as_elsewhere(node: Node) -> None:
    async with EventSource(node, ask="POST /v1/stream") as source:
        status, headers = await source.head()
        assert (status, headers["allow"]) == (405, "GET, HEAD")


async def test_a_hundred_open_streams_are_no_tasks_and_no_requests(node: Node) -> None:
    before = len(asyncio.all_tasks())
    sources = [EventSource(node, f"user{number}") for number in range(100)]
    for source in sources:
        await source.__aenter__()
        await source.welcome()
    await until(lambda: len(asyncio.all_tasks()) <= before)
    assert node.hub.statistics().sessions == 100
    assert not node.server.server_state.connections
    assert not node.server.server_state.tasks
    for source in sources:
        source.hang_up()
    await until(lambda: node.hub.statistics().sessions == 0)
