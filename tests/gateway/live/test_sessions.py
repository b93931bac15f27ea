"""A session from hello to live: welcomes, entries, marks, and who sees what."""

import pytest

from tests.gateway.live.node import Node, NodeFactory
from tests.samples import stream_of
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def test_a_hello_without_cursor_is_welcomed_with_the_newest_page(node: Node) -> None:
    await node.publish("ann", 30)
    async with node.client() as client:
        welcome = await client.hello("ann")
        page = await node.store.page(stream_of("ann"), limit=25)
        assert (welcome["resumed"], welcome["seq"], welcome["user"]) == (False, 30, "ann")
        assert [item["id"] for item in welcome["items"]] == [item.id for item in page.items]
        assert welcome["counts"] == {"unread": 30, "unseen": 30}
        assert welcome["next"] is not None


async def test_entries_arrive_live_in_order(node: Node) -> None:
    async with node.client() as client:
        await client.hello("ann")
        await node.publish("ann", 50)
        assert await client.seqs(50) == list(range(1, 51))


async def test_an_entry_reaches_its_user_only(node: Node) -> None:
    async with node.client() as ann, node.client() as bob:
        await ann.hello("ann")
        await bob.hello("bob")
        await node.publish("ann")
        await node.publish("bob")
        await ann.hear_t("entry")
        assert (await bob.hear())["seq"] == 1
        assert node.hub.statistics().entries_sent == 2


async def test_a_mark_is_answered_and_seen_by_the_other_session(node: Node) -> None:
    await node.publish("ann")
    async with node.client() as phone, node.client() as laptop:
        await laptop.hello("ann")
        item = (await phone.hello("ann"))["items"][0]
        await phone.say("read", ids=[item["id"]], op="c1")
        entry = await laptop.hear_t("entry")
        assert (entry["kind"], entry["ids"], entry["counts"]["unread"]) == ("read", [item["id"]], 0)
        assert await phone.hear_t("reply") == {"t": "reply", "op": "c1", "seq": entry["seq"]}


async def test_a_mark_names_the_ids_that_are_not_there(node: Node) -> None:
    await node.publish("ann")
    async with node.client() as client:
        item = (await client.hello("ann"))["items"][0]
        await client.say("read", ids=[item["id"], "nothing"], op="c1")
        assert (await client.hear_t("reply"))["missing"] == ["nothing"]


async def test_a_mark_of_unknown_ids_only_is_not_found(node: Node) -> None:
    async with node.client() as client:
        await client.hello("ann")
        await client.say("read", ids=["nothing"], op="c1")
        error = await client.hear()
        assert (error["t"], error["op"], error["code"], error["temporary"]) == ("error", "c1", "not_found", False)


async def test_a_mark_of_another_epoch_is_a_stream_reset(node: Node) -> None:
    await node.publish("ann")
    async with node.client() as client:
        await client.hello("ann")
        await client.say("read", upto=1, epoch="foreign", op="c1")
        assert (await client.hear())["code"] == "stream_reset"


async def test_a_message_of_an_unknown_kind_is_answered_and_the_session_goes_on(node: Node) -> None:
    async with node.client() as client:
        await client.hello("ann")
        await client.say("shout", topic="x", op="c1")
        error = await client.hear()
        assert (error["code"], error["op"]) == ("unknown_type", "c1")
        await node.publish("ann")
        assert (await client.hear())["t"] == "entry"


async def test_an_ack_reaches_the_store_as_a_maximum(start: NodeFactory) -> None:
    node = await start(ack_flush_s=0.05)
    await node.publish("ann", 3)
    async with node.client() as client:
        await client.hello("ann")
        await client.say("ack", seq=3)
        await client.say("ack", seq=2)

        async def is_stored() -> bool:
            return await node.store.acked(stream_of("ann")) == 3

        await until(is_stored)


async def test_the_stream_is_let_go_with_its_last_session(node: Node) -> None:
    async with node.client() as one:
        await one.hello("ann")
        async with node.client() as other:
            await other.hello("ann")
        await until(lambda: node.hub.statistics().sessions == 1)
        assert node.bus.wants(stream_of("ann"))
    await until(lambda: node.hub.statistics().sessions == 0)
    assert not node.bus.wants(stream_of("ann"))
    assert node.hub.statistics().streams == 0


async def test_the_oldest_session_makes_room_for_one_too_many(start: NodeFactory) -> None:
    node = await start(sessions_per_user=2)
    async with node.client() as first, node.client() as second, node.client() as third:
        await first.hello("ann")
        await second.hello("ann")
        await third.hello("ann")
        assert await first.closed() == 4504
        await node.publish("ann")
        assert (await second.hear())["t"] == (await third.hear())["t"] == "entry"
