"""P7: a client that reads slowly or never costs the node a bounded amount, and nobody else anything."""

import asyncio
import json

import pytest

from tests.gateway.live.node import Json, NodeFactory
from tests.gateway.live.raw import HELLO, TEXT, RawClient, frame
from tests.waiting import until

pytestmark = pytest.mark.anyio

BODY = "x" * 4_000


async def heard(client: RawClient) -> Json:
    message: Json = json.loads((await client.receive())[1])
    return message


async def test_a_slow_reader_is_told_what_it_missed_and_then_goes_on(start: NodeFactory) -> None:
    node = await start(write_soft_bytes=40_000)
    async with RawClient(node) as slow, node.client() as quick:
        await slow.send(frame(TEXT, HELLO))
        assert (await heard(slow))["t"] == "welcome"
        await quick.hello("ann")
        _, quickly = await asyncio.gather(node.publish("ann", 200, body=BODY), quick.seqs(200))
        assert quickly == list(range(1, 201))

        got = [await heard(slow)]
        while got[-1]["t"] != "sync":
            got.append(await heard(slow))
        assert [entry["seq"] for entry in got[:-1]] == list(range(1, len(got)))
        assert got[-1] == {"t": "sync", "seq": 200}
        await node.publish("ann")
        assert (await heard(slow))["seq"] == 201


async def test_a_client_that_never_reads_is_cut_off(start: NodeFactory) -> None:
    node = await start(write_soft_bytes=40_000, stuck_s=0.5)
    async with RawClient(node) as stuck:
        await stuck.send(frame(TEXT, HELLO))
        await heard(stuck)
        await node.publish("ann", 200, body=BODY)
        await until(lambda: node.hub.statistics().slow_aborts == 1)
        await until(lambda: node.hub.statistics().sessions == 0)


async def test_a_client_that_asks_without_reading_the_answers_is_cut_off(start: NodeFactory) -> None:
    node = await start(write_soft_bytes=40_000, write_hard_bytes=80_000, messages_per_s=1e6, messages_burst=1_000_000)
    async with RawClient(node) as stuck:
        await stuck.send(frame(TEXT, HELLO))
        await heard(stuck)
        with pytest.raises(ConnectionError):
            await stuck.flood(frame(TEXT, b'{"t":"what"}') * 1_000)
        assert node.hub.statistics().slow_aborts == 1


async def test_a_server_that_ends_does_not_wait_for_a_client_that_never_reads(start: NodeFactory) -> None:
    node = await start(close_grace_s=0.5)
    async with RawClient(node) as stuck:
        await stuck.send(frame(TEXT, HELLO))
        await heard(stuck)
        await node.publish("ann", 200, body=BODY)
        node.server.should_exit = True
        await until(lambda: node.hub.statistics().sessions == 0, timeout_s=5)
