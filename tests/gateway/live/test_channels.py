"""Live channels: signals to whoever is there, in one order, and nothing left behind."""

import pytest

from gateway.settings import LIMITS
from inbox.ids import channel_key
from tests.gateway.live.node import Client, Node, NodeFactory
from tests.gateway.live.raw import TEXT, RawClient, frame
from tests.samples import TENANT
from tests.waiting import until

pytestmark = pytest.mark.anyio

GRANTED = "ann 3600 news,room:*"


def signal(node: Node, topic: str, number: int = 1, tenant: str = TENANT) -> None:
    node.inbox.signal(tenant, topic, b'{"n":%d}' % number)


async def enter(client: Client, topic: str, token: str = GRANTED) -> None:
    await client.hello(token)
    await client.say("sub", topic=topic, op="c1")
    assert await client.hear() == {"t": "reply", "op": "c1"}


async def test_a_signal_reaches_every_subscriber_and_nobody_else(node: Node) -> None:
    async with node.client() as ann, node.client() as bob, node.client() as cid:
        await enter(ann, "news")
        await enter(bob, "news", "bob 3600 news")
        await enter(cid, "room:7", "cid 3600 room:*")
        signal(node, "news")
        signal(node, "room:7", 2)
        assert await ann.hear() == await bob.hear() == {"t": "signal", "topic": "news", "data": {"n": 1}}
        assert (await cid.hear())["data"] == {"n": 2}


async def test_signals_come_in_one_order(node: Node) -> None:
    async with node.client() as ann, node.client() as bob:
        await enter(ann, "news")
        await enter(bob, "news", "bob 3600 news")
        for number in range(300):
            signal(node, "news", number)
        for client in (ann, bob):
            assert [(await client.hear())["data"]["n"] for _ in range(300)] == list(range(300))


async def test_the_same_topic_of_another_tenant_is_another_channel(node: Node) -> None:
    async with node.client() as ann:
        await enter(ann, "news")
        signal(node, "news", 1, tenant="globex")
        signal(node, "news", 2)
        assert (await ann.hear())["data"] == {"n": 2}


async def test_who_left_hears_nothing_more(node: Node) -> None:
    async with node.client() as ann:
        await enter(ann, "news")
        await ann.say("unsub", topic="news", op="c2")
        assert await ann.hear() == {"t": "reply", "op": "c2"}
        signal(node, "news")
        await ann.say("nonsense", op="c3")
        assert (await ann.hear())["op"] == "c3"
        assert not node.bus.wants(channel_key(TENANT, "news"))


async def test_a_topic_without_a_grant_is_refused(node: Node) -> None:
    async with node.client() as ann:
        await ann.hello("ann 3600 news")
        await ann.say("sub", topic="room:7", op="c1")
        error = await ann.hear()
        assert (error["op"], error["code"], error["temporary"]) == ("c1", "forbidden", False)


async def test_a_narrower_token_ends_what_it_does_not_grant(node: Node) -> None:
    async with node.client() as ann:
        await enter(ann, "news")
        await ann.say("refresh", token="ann 3600 room:*", op="c2")
        error = await ann.hear()
        assert (error["t"], error["code"]) == ("error", "forbidden")
        assert await ann.hear() == {"t": "reply", "op": "c2"}
        await until(lambda: node.hub.statistics().channels == 0)


async def test_sessions_share_one_subscription_until_the_last_one_goes(node: Node) -> None:
    async with node.client() as bob:
        async with node.client() as ann:
            await enter(ann, "news")
            await enter(bob, "news", "bob 3600 news")
            assert node.hub.statistics().channels == 1
        await until(lambda: node.hub.statistics().sessions == 1)
        signal(node, "news")
        assert (await bob.hear())["t"] == "signal"
    await until(lambda: node.hub.statistics().channels == 0)
    assert not node.bus.wants(channel_key(TENANT, "news"))


async def test_who_comes_back_may_enter_all_its_channels_at_once(node: Node) -> None:
    async with node.client() as ann:
        await ann.hello(GRANTED)
        for number in range(LIMITS.topics_per_session):
            await ann.say("sub", topic=f"room:{number}", op=str(number))
        for _ in range(LIMITS.topics_per_session):
            assert (await ann.hear())["t"] == "reply"
        assert node.hub.statistics().channels == LIMITS.topics_per_session


async def test_a_hundred_comings_and_goings_leave_nothing(node: Node) -> None:
    for number in range(100):
        async with node.client() as client:
            await client.hello(GRANTED)
            for room in range(5):
                await client.say("sub", topic=f"room:{number % 7}:{room}")
            if number % 2:
                await client.say("unsub", topic=f"room:{number % 7}:0")
    await until(lambda: node.hub.statistics().sessions == 0)
    assert node.hub.statistics().channels == 0
    assert node.bus.statistics().subscriptions == 0


async def test_a_reader_that_is_too_slow_loses_signals_and_delays_nobody(start: NodeFactory) -> None:
    node = await start(write_soft_bytes=16 * 1024, stuck_s=60.0)
    async with RawClient(node) as slow, node.client() as ann:
        await slow.send(frame(TEXT, b'{"t":"hello","token":"bob 3600 news"}'))
        await slow.receive()
        await slow.send(frame(TEXT, b'{"t":"sub","topic":"news","op":"c1"}'))
        await slow.receive()
        await enter(ann, "news")
        for number in range(300):
            node.inbox.signal(TENANT, "news", b'{"n":%d,"filling":"%s"}' % (number, b"x" * 4_000))
            assert (await ann.hear())["data"]["n"] == number
        statistics = node.hub.statistics()
        assert statistics.signals_lost > 0
        assert statistics.signals_sent + statistics.signals_lost == 600
