"""How event streams end, and what they leave behind: nothing."""

import asyncio
import gc
import weakref
from contextlib import AsyncExitStack

import pytest
from msgspec.structs import replace

from gateway.http import protocol
from gateway.live.handover import LiveHttpProtocol
from gateway.settings import LIMITS
from inbox.model import Page
from inbox.registered import Revocation
from inbox.times import now_ms
from tests.gateway.live.event_source import EventSource, seqs
from tests.gateway.live.node import Node, NodeFactory
from tests.gateway.live.test_resume import epoch_of
from tests.samples import TENANT, stream_of
from tests.waiting import until

pytestmark = pytest.mark.anyio

BODY = "x" * 4_000
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def is_empty(node: Node) -> None:
    """Wait until no session has left a trace."""
    await until(lambda: node.hub.statistics().sessions == 0)
    await until(lambda: node.hub.statistics().streams == 0)
    assert node.hub._shared.wheel.everything() == []
    assert node.hub.arrivals._by_address == {}
    assert node.hub.arrivals._waiting == 0
    await until(lambda: not node.server.server_state.tasks)


async def test_a_silent_stream_is_kept_alive_by_comments(start: NodeFactory) -> None:
    node = await start(heartbeat_s=1.0, pong_timeout_s=0.5)
    async with EventSource(node) as source:
        await source.welcome()
        for _ in range(3):
            assert (await source.block()).data is None
        assert node.hub.statistics().closes == {}


async def test_a_stream_ends_with_its_token(start: NodeFactory) -> None:
    node = await start(leeway_s=0)
    async with EventSource(node, "ann 0.5") as source:
        await source.welcome()
        bye = await source.hear_t("bye")
        assert (bye.message["code"], bye.id) == (4003, None)
        assert await source.rest() == b""
    await is_empty(node)


async def test_a_server_that_ends_says_when_to_come_back(node: Node) -> None:
    async with EventSource(node) as source:
        await source.welcome()
        node.server.should_exit = True
        bye = await source.hear_t("bye")
        message = bye.message
        assert message["code"] == 4001
        assert message["after"] <= (bye.retry or 0) <= message["after"] + message["spread"]
        assert await source.rest() == b""
    await is_empty(node)


async def test_a_server_that_ends_does_not_wait_for_one_that_never_reads(start: NodeFactory) -> None:
    node = await start(close_grace_s=0.5)
    async with EventSource(node) as stuck:
        await stuck.welcome()
        await node.publish("ann", 200, body=BODY)
        node.server.should_exit = True
        await until(lambda: node.hub.statistics().sessions == 0, timeout_s=5)


async def test_the_oldest_of_too_many_is_ended(start: NodeFactory) -> None:
    node = await start(sessions_per_user=2)
    async with EventSource(node) as oldest, node.client() as client, EventSource(node) as newest:
        await oldest.welcome()
        await client.hello("ann")
        await newest.welcome()
        assert (await oldest.hear_t("bye")).message["code"] == 4504
        await node.publish("ann")
        assert (await newest.hear_t("entry")).message == await client.hear()


async def test_the_stream_of_a_revoked_token_ends(node: Node) -> None:
    ann = stream_of("ann")
    async with EventSource(node, "ann 60  t1") as first, EventSource(node, "ann 60  t2") as second:
        names = [(await source.welcome()).message["session"] for source in (first, second)]
        assert sorted(node.hub.sessions(ann)) == sorted(names)
        node.hub.end([Revocation(TENANT, "ann", now_ms(), jti="t1")])
        assert (await first.hear_t("bye")).message["code"] == 4503
        assert node.hub.sessions(ann) == names[1:]
        await node.publish("ann")
        assert (await second.hear_t("entry")).message["seq"] == 1


async def test_a_stream_that_was_started_over_ends(node: Node) -> None:
    await node.publish("ann")
    async with EventSource(node) as source:
        await source.welcome()
        (session,) = node.hub._shared.wheel.everything()
        session.close(4004, "the stream was started over")  # type: ignore[attr-defined]
        assert (await source.hear_t("bye")).message["code"] == 4004


async def test_one_that_reads_slowly_is_told_what_it_missed_and_comes_back_before_it(start: NodeFactory) -> None:
    node = await start(write_soft_bytes=40_000)
    await node.publish("ann")
    epoch = await epoch_of(node)
    async with EventSource(node) as slow:
        await slow.welcome()
        await node.publish("ann", 200, body=BODY)
        got = [await slow.event()]
        while got[-1].message["t"] != "sync":
            got.append(await slow.event())
        dense, sync = got[:-1], got[-1]
        assert [event.id for event in dense] == [f"{epoch}:{seq}" for seq in seqs(dense)]
        assert seqs(dense) == list(range(2, 2 + len(dense)))
        assert (sync.message["seq"], sync.id) == (201, None)
        await node.publish("ann")
        beyond = await slow.hear_t("entry")
        assert (beyond.message["seq"], beyond.id) == (202, None)
    async with EventSource(node, last_event_id=dense[-1].id) as back:
        entries = (await back.welcome()).message["entries"]
        first = entries[-1]["seq"]
        assert [entry["seq"] for entry in entries] == list(range(2 + len(dense), first + 1))
        assert seqs(await back.entries(202 - first)) == list(range(first + 1, 203))


async def test_one_that_never_reads_is_cut_off(start: NodeFactory) -> None:
    node = await start(write_soft_bytes=40_000, stuck_s=0.5)
    async with EventSource(node) as stuck:
        await stuck.welcome()
        await node.publish("ann", 200, body=BODY)
        await until(lambda: node.hub.statistics().slow_aborts == 1)
        await is_empty(node)


async def test_one_that_goes_on_talking_is_cut_off(node: Node) -> None:
    async with EventSource(node) as talker:
        await talker.welcome()
        await talker.send(b"a" * 100)
        await node.publish("ann")
        await talker.hear_t("entry")
        with pytest.raises(ConnectionError):
            await talker.flood(b"a" * 1_000)
        assert node.hub.statistics().closes == {"bad_frame": 1}
    await is_empty(node)


async def test_a_client_of_http_1_0_is_served(node: Node) -> None:
    async with EventSource(node, version="1.0") as source:
        await source.welcome()
        await node.publish("ann")
        assert (await source.hear_t("entry")).message["seq"] == 1


async def test_what_is_asked_before_on_the_same_connection_is_answered_first(node: Node) -> None:
    source = EventSource(node)
    source.request = EventSource(node, ask="GET /v1/stream?x=1").request + source.request
    async with source:
        await source.problem(422)
        await source.welcome()
        await node.publish("ann")
        assert (await source.hear_t("entry")).message["seq"] == 1


@pytest.mark.parametrize("behind", [WHOLE, WHOLE * 2, b"GET / HT", b"no HTTP\r\n", b"x" * 9_000])
async def test_what_is_asked_behind_it_is_not_answered(node: Node, behind: bytes) -> None:
    source = EventSource(node)
    source.request += behind
    async with source:
        await source.welcome()
        await node.publish("ann")
        assert (await source.event()).message["t"] == "entry"
        assert node.hub.statistics().sessions == 1
    await is_empty(node)


async def test_the_clock_of_the_request_stops(start: NodeFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LIMITS", replace(LIMITS, request_read_s=0.2))
    node = await start(heartbeat_s=1.0)
    async with EventSource(node, headers="Content-Length: 100\r\n") as source:
        await source.welcome()
        for _ in range(2):
            assert (await source.block()).data is None


async def test_one_that_is_ended_before_its_welcome_is_told_to_wait(
    start: NodeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = await start(sessions_per_user=1)
    page, let_go = node.store.page, asyncio.Event()

    async def wait(stream: str, *, limit: int) -> Page:
        await let_go.wait()
        return await page(stream, limit=limit)

    monkeypatch.setattr(node.store, "page", wait)
    async with EventSource(node) as first:
        await until(lambda: node.hub.statistics().sessions == 1)
        async with EventSource(node) as second:
            assert (await first.problem(503))["code"] == "unavailable"
            let_go.set()
            await second.welcome()


async def test_a_client_that_closes_its_half_is_gone(node: Node) -> None:
    async with EventSource(node) as source:
        await source.welcome()
        source.half_close()
        assert (await source.rest()).strip(b":\n") == b"", "nothing but perhaps a comment"
    await is_empty(node)


@pytest.mark.parametrize("reads", [0, 1, 2])
async def test_a_client_that_vanishes_leaves_nothing_behind(node: Node, reads: int) -> None:
    await node.publish("ann", 30)
    for _ in range(20):
        async with EventSource(node) as source:
            if reads > 0:
                await source.head()
            if reads > 1:
                await source.event()
    # Who comes after them is welcomed after they were let in.
    async with EventSource(node, "bob") as other:
        await other.welcome()
    await is_empty(node)


@pytest.mark.parametrize("behind", [b"", WHOLE, WHOLE * 2])
async def test_what_read_the_request_is_freed_at_once(
    node: Node, monkeypatch: pytest.MonkeyPatch, behind: bytes
) -> None:
    made: list[weakref.ref[LiveHttpProtocol]] = []
    accept = LiveHttpProtocol.connection_made

    def remember(self: LiveHttpProtocol, transport: asyncio.Transport) -> None:
        made.append(weakref.ref(self))
        accept(self, transport)

    monkeypatch.setattr(LiveHttpProtocol, "connection_made", remember)
    gc.disable()
    try:
        async with AsyncExitStack() as stack:
            for _ in range(3):
                source = EventSource(node)
                source.request += behind
                await (await stack.enter_async_context(source)).welcome()
            await until(lambda: [ref() for ref in made] == [None] * 3)
    finally:
        gc.enable()
