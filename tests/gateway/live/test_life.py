"""A session's clocks: hello, heartbeat, token; and how a node refuses and ends."""

import asyncio
import json
import random
from contextlib import suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gateway.auth.tokens import UserClaims
from gateway.live.connection import Connection
from gateway.live.heartbeat import TICK_S
from gateway.live.sse import EventStream
from gateway.live.websocket import WebSocket
from gateway.settings import LIMITS
from tests.gateway.live.node import Node, NodeFactory, Verifier
from tests.gateway.live.test_gaps import SlowBus
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", [WebSocket, EventStream])
def test_a_connection_has_no_room_but_for_what_it_declares(kind: type[Connection]) -> None:
    """There are many: a dictionary of its own would double the cost of each."""
    assert kind.__dictoffset__ == 0


async def test_a_client_that_does_not_say_hello_is_closed(start: NodeFactory) -> None:
    node = await start(hello_timeout_s=0.5)
    async with node.client() as client:
        assert await client.closed() == 4006


async def test_a_client_that_said_hello_is_not(start: NodeFactory) -> None:
    node = await start(hello_timeout_s=0.5, heartbeat_s=1.0)
    async with node.client() as client:
        await client.hello("ann")
        await client.hear_t("ping")


async def test_a_token_with_a_key_to_be_asked_for_opens_a_session_too(node: Node) -> None:
    async with node.client() as client:
        assert (await client.hello("~ann"))["t"] == "welcome"


async def test_a_client_that_answers_pings_stays(start: NodeFactory) -> None:
    node = await start(heartbeat_s=1.0, pong_timeout_s=0.5)
    async with node.client() as client:
        await client.hello("ann")
        for _ in range(3):
            await client.hear_t("ping")
            await client.say("pong")
        assert node.hub.statistics().closes == {}


async def test_a_client_that_does_not_is_cut_off(start: NodeFactory) -> None:
    node = await start(heartbeat_s=1.0, pong_timeout_s=0.5)
    async with node.client() as client:
        await client.hello("ann")
        assert await client.closed() == 1006
        assert node.hub.statistics().closes == {"heartbeat_lost": 1}


def test_a_client_that_is_gone_without_a_word_is_cut_off_within_two_intervals() -> None:
    """A ping is late by up to a tick of the wheel, and so is the look for its answer."""
    assert LIMITS.heartbeat_s + LIMITS.pong_timeout_s + 2 * TICK_S < 2 * LIMITS.heartbeat_s


async def test_a_client_whose_welcome_took_a_while_is_pinged_before_it_is_cut_off(
    start: NodeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.0)
    bus = SlowBus()
    node = await start(bus=bus, heartbeat_s=2.0, pong_timeout_s=0.1)
    async with node.client() as client:
        await client.say("hello", token="ann")
        await bus.asked.wait()
        bus.confirms.set()
        assert (await client.hear())["t"] == "welcome"
        await client.hear_t("ping")


async def test_a_session_ends_with_its_token(start: NodeFactory) -> None:
    node = await start(leeway_s=0)
    async with node.client() as client:
        await client.hello("ann 0.5")
        assert await client.closed() == 4003


async def test_a_refreshed_token_lets_it_go_on(start: NodeFactory) -> None:
    node = await start(leeway_s=0, heartbeat_s=1.0)
    async with node.client() as client:
        await client.hello("ann 1.5")
        await client.say("refresh", token="ann", op="c1")
        assert await client.hear_t("reply") == {"t": "reply", "op": "c1"}
        for _ in range(4):
            await client.hear_t("ping")
            await client.say("pong")
        assert node.hub.statistics().closes == {}


async def test_a_refresh_may_also_shorten_it(start: NodeFactory) -> None:
    node = await start(leeway_s=0)
    async with node.client() as client:
        await client.hello("ann")
        await client.say("refresh", token="ann 0.5")
        assert await client.closed() == 4003


@pytest.mark.parametrize(("token", "code"), [("bob", 4500), ("forged", 4500), ("expired", 4003)])
async def test_a_refresh_with_a_token_that_does_not_fit_ends_it(node: Node, token: str, code: int) -> None:
    async with node.client() as client:
        await client.hello("ann")
        await client.say("refresh", token=token)
        assert await client.closed() == code


async def test_a_refresh_that_cannot_be_verified_now_leaves_it(node: Node) -> None:
    async with node.client() as client:
        await client.hello("ann")
        await client.say("refresh", token="unverifiable", op="c1")
        error = await client.hear()
        assert (error["op"], error["code"], error["temporary"]) == ("c1", "unavailable", True)
        await node.publish("ann")
        assert (await client.hear())["t"] == "entry"
        await client.say("refresh", token="ann", op="c2")
        assert await client.hear() == {"t": "reply", "op": "c2"}


async def test_a_refresh_that_takes_long_to_verify_cannot_follow_a_newer_one(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify, may_go_on = Verifier.verify, asyncio.Event()

    async def slow_verify(verifier: Verifier, token: str) -> UserClaims:
        await may_go_on.wait()
        return await verify(verifier, token)

    async with node.client() as client:
        await client.hello("ann")
        monkeypatch.setattr(Verifier, "verify", slow_verify)
        await client.say("refresh", token="ann 3600", op="older")
        await client.say("refresh", token="ann 7200", op="newer")
        error = await client.hear()
        assert (error["op"], error["code"], error["temporary"]) == ("newer", "rate_limited", True)
        may_go_on.set()
        assert await client.hear() == {"t": "reply", "op": "older"}


async def test_a_full_node_turns_handshakes_away(start: NodeFactory) -> None:
    node = await start(sessions_per_node=1)
    async with node.client():
        with pytest.raises(InvalidStatus) as refused:
            await connect(node.url)
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["retry-after"] == "15"
        assert json.loads(refused.value.response.body)["temporary"]
    await until(lambda: node.hub.statistics().sessions == 0)
    async with node.client() as client:
        await client.hello("ann")


@pytest.mark.parametrize(
    ("origin", "status"), [("https://app.example", 101), ("https://evil.example", 403), ("null", 403), ("", 403)]
)
async def test_pages_of_other_origins_are_refused(node: Node, origin: str, status: int) -> None:
    try:
        async with connect(node.url, additional_headers={"Origin": origin}) as socket:
            seen = socket.response.status_code if socket.response else 0
    except InvalidStatus as refused:
        seen = refused.response.status_code
    assert seen == status


async def test_a_server_that_ends_says_when_to_come_back(node: Node) -> None:
    async with node.client() as client:
        await client.hello("ann")
        node.server.should_exit = True
        bye = await client.hear()
        assert (bye["t"], bye["code"]) == ("bye", 4001)
        assert min(bye["after"], bye["spread"]) > 0
        assert await client.closed() == 4001


async def test_a_node_ends_although_a_driver_swallows_a_cancellation(
    start: NodeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = await start(ack_flush_s=0.01)
    ack, began = node.store.ack, asyncio.Event()

    async def swallow(acks: dict[str, int]) -> None:
        if not began.is_set():
            began.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3_600)
        await ack(acks)

    monkeypatch.setattr(node.store, "ack", swallow)
    await node.publish("ann")
    async with node.client() as client:
        await client.hello("ann")
        await client.say("ack", seq=1)
        await began.wait()
    async with asyncio.timeout(5):
        await node.hub.stop()


async def test_a_query_string_is_never_logged(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with connect(f"{node.url}?token=confidential") as socket:
        await socket.ping()
    assert "confidential" not in caplog.text
