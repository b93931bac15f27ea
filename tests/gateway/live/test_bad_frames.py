"""What breaks the protocol gets its close code, and disturbs nobody else."""

import json

import pytest

from gateway.settings import LIMITS
from tests.gateway.live.node import Node, NodeFactory
from tests.gateway.live.raw import BINARY, CLOSE, CONT, HELLO, PING, PONG, TEXT, RawClient, frame
from tests.waiting import until

pytestmark = pytest.mark.anyio

TOO_LONG = b'{"t":"pong","x":"' + b"x" * LIMITS.frame_bytes + b'"}'

BAD = {
    "not JSON": (frame(TEXT, b"{"), 4501),
    "not an object": (frame(TEXT, b"[]"), 4501),
    "no t": (frame(TEXT, b"{}"), 4501),
    "NaN": (frame(TEXT, b'{"t":"ack","seq":NaN}'), 4501),
    "nested too deeply": (frame(TEXT, b'{"t":' + b"[" * 60_000), 4501),
    "another message before hello": (frame(TEXT, b'{"t":"ack","seq":1}'), 4501),
    "an unknown message before hello": (frame(TEXT, b'{"t":"sub"}'), 4501),
    "a hello without a token": (frame(TEXT, b'{"t":"hello"}'), 4501),
    "a hello with a negative cursor": (frame(TEXT, b'{"t":"hello","token":"x","cursor":{"epoch":"e","seq":-1}}'), 4501),
    "binary": (frame(BINARY, HELLO), 4501),
    "a second hello": (frame(TEXT, HELLO) + frame(TEXT, HELLO), 4501),
    "a forged token": (frame(TEXT, b'{"t":"hello","token":"forged"}'), 4500),
    "an expired token": (frame(TEXT, b'{"t":"hello","token":"expired"}'), 4003),
    "a forged token with a key to be asked for": (frame(TEXT, b'{"t":"hello","token":"~forged"}'), 4500),
    "an expired token with a key to be asked for": (frame(TEXT, b'{"t":"hello","token":"~expired"}'), 4003),
    "an unverifiable token": (frame(TEXT, b'{"t":"hello","token":"unverifiable"}'), 4008),
    "too large": (frame(TEXT, TOO_LONG), 4502),
    "too large in fragments": (frame(TEXT, TOO_LONG[:-60], fin=False) + frame(CONT, TOO_LONG[-60:]), 4502),
    "a size beyond belief": (bytes((0x81, 0xFF)) + (1 << 62).to_bytes(8, "big"), 4502),
    "not UTF-8": (frame(TEXT, b'{"t":"\xff"}'), 1007),
    "a fragment that is not UTF-8, before the last": (frame(TEXT, b'{"t":"\xff', fin=False), 1007),
    "half a character at the end": (frame(TEXT, b"{", fin=False) + frame(CONT, b"\xc3"), 1007),
    "not masked": (frame(TEXT, HELLO, mask=False), 1002),
    "reserved bits": (frame(TEXT, HELLO, reserved=4), 1002),
    "an unknown opcode": (frame(3, HELLO), 1002),
    "a continuation of nothing": (frame(CONT, HELLO), 1002),
    "a flood of pings": (frame(PING, b"") * 60, 4007),
    "a flood of empty fragments": (frame(TEXT, b"", fin=False) + frame(CONT, b"", fin=False) * 60, 4007),
    "a flood of messages": (frame(TEXT, HELLO) + frame(TEXT, b'{"t":"pong"}') * (LIMITS.messages_burst + 10), 4007),
}


@pytest.mark.parametrize("name", BAD)
async def test_it_is_closed_with_its_code(node: Node, name: str) -> None:
    data, code = BAD[name]
    async with node.client() as bystander, RawClient(node) as client:
        await bystander.hello("bob")
        await client.send(data)
        assert await client.close_code() == code
        assert await client.is_cut()
        await node.publish("bob")
        assert (await bystander.hear())["seq"] == 1


async def test_a_message_in_fragments_is_one_message(node: Node) -> None:
    async with RawClient(node) as client:
        await client.send(frame(TEXT, HELLO[:9], fin=False) + frame(PING, b"x") + frame(CONT, HELLO[9:]))
        kinds = [await client.receive(), await client.receive()]
        assert kinds[0] == (PONG, b"x")
        assert json.loads(kinds[1][1])["t"] == "welcome"


async def test_a_character_may_be_cut_in_two_by_a_fragment(node: Node) -> None:
    hello = '{"t":"hello","token":"æ"}'.encode()
    cut = hello.index(b"\xc3") + 1
    async with RawClient(node) as client:
        await client.send(frame(TEXT, hello[:cut], fin=False) + frame(CONT, hello[cut:]))
        assert json.loads((await client.receive())[1])["user"] == "æ"


async def test_pings_and_messages_are_answered_in_their_order(node: Node) -> None:
    async with RawClient(node) as client:
        await client.send(frame(TEXT, HELLO))
        await client.receive()
        await client.send(frame(PING, b"1") + frame(TEXT, b'{"t":"nothing"}') + frame(PING, b"2"))
        first, second, third = [await client.receive() for _ in range(3)]
        assert (first, third) == ((PONG, b"1"), (PONG, b"2"))
        assert json.loads(second[1])["code"] == "unknown_type"


@pytest.mark.parametrize("before", [b"", frame(TEXT, HELLO[:9], fin=False)], ids=["alone", "within a message"])
@pytest.mark.parametrize("payload", [b"", (1000).to_bytes(2, "big"), (4321).to_bytes(2, "big")])
async def test_a_close_is_answered_with_the_same_code(node: Node, before: bytes, payload: bytes) -> None:
    async with RawClient(node) as client:
        await client.send(before + frame(CLOSE, payload) + frame(PING, b"not answered"))
        assert await client.receive() == (CLOSE, payload)
        assert await client.is_cut()


async def test_a_client_that_goes_on_sending_after_its_close_frame_is_cut_off(start: NodeFactory) -> None:
    node = await start(close_grace_s=0.5)
    async with RawClient(node) as client:
        await client.send(frame(BINARY, b""))
        assert await client.close_code() == 4501
        with pytest.raises(ConnectionError):
            await client.flood(frame(PING, b"x" * 100))


async def test_a_client_that_leaves_while_it_shakes_hands_leaves_nothing(node: Node) -> None:
    client = RawClient(node)
    await client.ask()
    client.hang_up()
    async with node.client() as other:
        await other.hello("bob")
        await until(lambda: node.hub.statistics().sessions == 1)


async def test_frames_cut_anywhere_mean_the_same(node: Node) -> None:
    """A client that has said half a frame keeps its own reader; whole ones share one."""
    hello = frame(TEXT, HELLO)
    for at in range(1, len(hello)):
        async with RawClient(node) as client, RawClient(node) as whole:
            await client.send(hello[:at])
            await whole.send(hello)
            assert json.loads((await whole.receive())[1])["t"] == "welcome"
            await client.send(hello[at:])
            assert json.loads((await client.receive())[1])["t"] == "welcome"


async def test_pings_of_the_server_below_us_end_with_the_handshake(start: NodeFactory) -> None:
    node = await start(heartbeat_s=1.0)
    async with RawClient(node) as client:
        await client.send(frame(TEXT, HELLO))
        assert [opcode for opcode, _ in [await client.frame(), await client.frame()]] == [TEXT, TEXT]
