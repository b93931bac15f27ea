"""Sessions whose token was revoked end, and no others; and who is here is known all the while."""

from unittest.mock import Mock

import pytest

from gateway.live.codes import CloseCode
from gateway.live.hub import Hub
from inbox.bus.memory import MemoryBus
from inbox.ids import made_at, stream_key
from inbox.registered import Revocation
from inbox.service import Inbox
from inbox.times import now_ms
from tests.gateway.live.node import Node, Verifier
from tests.gateway.live.raw import HELLO, TEXT, RawClient, frame
from tests.samples import TENANT
from tests.waiting import until

pytestmark = pytest.mark.anyio

ANNA = stream_key(TENANT, "anna")


async def test_every_session_of_a_revoked_user_ends(node: Node) -> None:
    async with node.client() as first, node.client() as second, node.client() as other:
        for client, token in ((first, "anna"), (second, "anna"), (other, "ben")):
            await client.hello(token)
        node.hub.end([Revocation(TENANT, "anna", now_ms())])

        assert [await first.closed(), await second.closed()] == [CloseCode.KICKED] * 2
        await node.publish("ben")
        assert (await other.hear_t("entry"))["seq"] == 1


async def test_by_its_id_only_the_sessions_of_that_token_end(node: Node) -> None:
    async with node.client() as first, node.client() as second:
        await first.hello("anna 60  t1")
        await second.hello("anna 60  t2")
        node.hub.end([Revocation(TENANT, "anna", now_ms(), jti="t1")])

        assert await first.closed() == CloseCode.KICKED
        await node.publish("anna")
        assert (await second.hear_t("entry"))["seq"] == 1


async def test_one_that_has_just_hung_up_keeps_no_other_from_its_end(node: Node) -> None:
    """Its socket is closed, and the loop has had no turn since: on asyncio's, ending it raises."""
    async with RawClient(node) as gone, node.client() as other:
        await gone.send(frame(TEXT, HELLO))
        await gone.receive()
        await other.hello("ben")
        gone.hang_up()
        node.hub.end([Revocation(TENANT, user, now_ms()) for user in ("ann", "ben")])

        assert await other.closed() == CloseCode.KICKED


async def test_another_tenants_user_of_that_name_stays(node: Node) -> None:
    async with node.client() as client:
        await client.hello("anna")
        node.hub.end([Revocation("other", "anna", now_ms())])
        await node.publish("anna")

        assert (await client.hear_t("entry"))["seq"] == 1


async def test_sessions_are_known_from_their_welcome_to_their_end(node: Node) -> None:
    began = now_ms()
    async with node.client() as client:
        welcome = await client.hello("anna")

        assert node.hub.sessions(ANNA) == [welcome["session"]]
        assert node.hub.streams() == [ANNA]
        assert began <= made_at(welcome["session"]) <= now_ms()
    await until(lambda: node.hub.sessions(ANNA) == [] and node.hub.streams() == [])


async def test_a_word_of_revocations_on_the_bus_hurries_and_reaches_no_client() -> None:
    hurried: list[bool] = []
    hub = Hub(Mock(Inbox, store=Mock()), MemoryBus(), Verifier(), hurry=lambda: hurried.append(True))
    hub.receive(ANNA, 0, "", b"")

    assert hurried == [True]
    assert hub.statistics().signals_sent == 0
