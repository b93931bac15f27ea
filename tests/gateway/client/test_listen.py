"""``listen`` against a server that plays each part by script: what it yields, says and does about the end."""

import json
from contextlib import aclosing
from typing import Any

import anyio
import pytest
from websockets.asyncio.server import ServerConnection

from gateway.client import Message, backoff, listen, session
from inbox.errors import BellwireError, TokenExpired, Unauthorized, Unavailable
from inbox.model import Cursor
from tests.gateway.client.script import Script, entry, resumed, say, snapshot

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 0.01)


async def token() -> str:
    return "a token"


async def heard(
    script: Script, count: int, cursor: Cursor | None = None, topics: tuple[str, ...] = ()
) -> list[Message]:
    """The first ``count`` messages that ``listen`` yields."""
    messages: list[Message] = []
    with anyio.fail_after(10):
        async with aclosing(listen(script.url, token, cursor, topics)) as stream:
            async for message in stream:
                messages.append(message)
                if len(messages) == count:
                    break
    return messages


def steps(messages: list[Message]) -> list[tuple[str, int]]:
    return [(message.t, message.seq) for message in messages]


async def test_a_snapshot_and_what_follows_come_as_on_the_wire() -> None:
    async with Script(say(snapshot(3), entry(4), entry(5))).running() as script:
        messages = await heard(script, 3)
    assert [json.loads(message.raw) for message in messages] == [snapshot(3), entry(4), entry(5)]


async def test_the_first_hello_carries_the_token_and_no_cursor() -> None:
    async with Script(say(snapshot(3))).running() as script:
        await heard(script, 1)
    assert script.hellos[0]["token"] == "a token"
    assert "cursor" not in script.hellos[0]


async def test_a_cursor_given_is_resumed_from() -> None:
    async with Script(say(resumed(8, 9))).running() as script:
        messages = await heard(script, 2, Cursor("a.0", 7))
    assert script.hellos[0]["cursor"] == {"epoch": "a.0", "seq": 7}
    assert steps(messages) == [("entry", 8), ("entry", 9)]


async def test_an_entry_that_comes_twice_is_yielded_once() -> None:
    async with Script(say(snapshot(3), entry(4), entry(4), entry(5))).running() as script:
        assert steps(await heard(script, 3)) == [("welcome", 3), ("entry", 4), ("entry", 5)]


async def test_a_gap_is_fetched_page_by_page_before_the_entry_that_showed_it() -> None:
    script = Script(say(snapshot(3), entry(9)))
    script.log = [4, 5, 6, 7, 8, 9]
    async with script.running():
        messages = await heard(script, 7)
    assert [seq for _, seq in steps(messages)] == [3, 4, 5, 6, 7, 8, 9]


async def test_sync_fetches_what_was_withheld() -> None:
    script = Script(say(snapshot(3), {"t": "sync", "seq": 5}, entry(6)))
    script.log = [4, 5]
    async with script.running():
        messages = await heard(script, 4)
    assert [seq for _, seq in steps(messages)] == [3, 4, 5, 6]


async def test_a_channel_is_asked_for_and_its_signals_come_between_the_entries() -> None:
    asked: list[object] = []

    async def part(socket: ServerConnection, _: dict[str, Any]) -> None:
        await socket.send(json.dumps(snapshot(3)))
        asked.append(json.loads(await socket.recv()))
        for message in ({"t": "signal", "topic": "news", "data": {}}, entry(4)):
            await socket.send(json.dumps(message))
        await socket.wait_closed()

    async with Script(part).running() as script:
        messages = await heard(script, 3, topics=("news",))
    assert asked == [{"t": "sub", "topic": "news"}]
    assert steps(messages) == [("welcome", 3), ("signal", 0), ("entry", 4)]


async def test_a_channel_that_is_refused_is_raised() -> None:
    refusal = {"t": "error", "code": "forbidden", "message": "expected a grant", "temporary": False}
    async with Script(say(snapshot(3), refusal)).running() as script:
        with pytest.raises(BellwireError, match="expected a grant"):
            await heard(script, 2, topics=("news",))


async def test_sync_that_is_not_ahead_fetches_nothing() -> None:
    async with Script(say(snapshot(3), {"t": "sync", "seq": 3}, entry(4))).running() as script:
        await heard(script, 2)
    assert script.fetched == []


async def test_unknown_messages_are_ignored() -> None:
    async with Script(say(snapshot(3), {"t": "future", "seq": 99}, entry(4))).running() as script:
        assert steps(await heard(script, 2)) == [("welcome", 3), ("entry", 4)]


async def test_a_ping_is_answered() -> None:
    said: list[dict[str, Any]] = []

    async def part(socket: ServerConnection, _: dict[str, Any]) -> None:
        await socket.send('{"t":"ping"}')
        said.append(json.loads(await socket.recv()))
        await say(snapshot(3))(socket, _)

    async with Script(part).running() as script:
        await heard(script, 1)
    assert said == [{"t": "pong"}]


async def test_what_the_consumer_came_back_from_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "ACK_S", 0.01)
    said: list[dict[str, Any]] = []

    async def part(socket: ServerConnection, _: dict[str, Any]) -> None:
        await socket.send(json.dumps(resumed(8, 9)))
        while not said or said[-1]["seq"] < 9:
            said.append(json.loads(await socket.recv()))
        await say(entry(10))(socket, _)

    async with Script(part).running() as script:
        await heard(script, 3, Cursor("a.0", 7))
    assert said[-1] == {"t": "ack", "seq": 9}


@pytest.mark.parametrize("code", [4001, 4002, 4003, 4005, 4006, 4007, 4008, 1006, 1012])
async def test_it_comes_back_with_its_cursor(code: int) -> None:
    end = say(snapshot(3), entry(4), code=code if code != 1006 else 1011)
    async with Script(end, say(resumed(5))).running() as script:
        messages = await heard(script, 3)
    assert script.hellos[1]["cursor"] == {"epoch": "a.0", "seq": 4}
    assert steps(messages) == [("welcome", 3), ("entry", 4), ("entry", 5)]


async def test_a_stream_reset_starts_over_with_a_snapshot() -> None:
    async with Script(say(snapshot(3), code=4004), say(snapshot(1, "b.0"))).running() as script:
        messages = await heard(script, 2)
    assert "cursor" not in script.hellos[1]
    assert steps(messages) == [("welcome", 3), ("welcome", 1)]


async def test_a_reset_found_while_fetching_starts_over_too() -> None:
    script = Script(say(snapshot(3), entry(9)), say(snapshot(20)))
    script.gone = True
    async with script.running():
        assert steps(await heard(script, 2)) == [("welcome", 3), ("welcome", 20)]


async def test_changes_that_lead_nowhere_end_the_visit_not_the_client() -> None:
    script = Script(say(snapshot(3), entry(9)), say(resumed(4)))
    async with script.running():
        assert steps(await heard(script, 2)) == [("welcome", 3), ("entry", 4)]


async def test_a_bad_token_is_raised() -> None:
    async with Script(say(code=4500)).running() as script:
        with pytest.raises(Unauthorized, match="4500"):
            await heard(script, 1)


async def test_a_token_that_was_never_accepted_for_its_age_is_raised() -> None:
    async with Script(say(code=4003)).running() as script:
        with pytest.raises(TokenExpired):
            await heard(script, 1)


@pytest.mark.parametrize("code", [4501, 4502, 4503, 4504, 4999])
async def test_codes_that_say_stay_away_are_raised(code: int) -> None:
    async with Script(say(snapshot(3), code=code)).running() as script:
        with pytest.raises(BellwireError, match=str(code)):
            await heard(script, 2)


async def test_a_server_never_reached_is_raised() -> None:
    async with Script().running() as script:
        pass
    with pytest.raises(ConnectionError, match="does not answer"):
        await heard(script, 1)


async def test_a_token_source_that_fails_for_now_is_asked_again() -> None:
    answers: list[str | Unavailable] = ["first", Unavailable("the store is away"), "second"]

    async def source() -> str:
        now = answers.pop(0)
        if isinstance(now, Unavailable):
            raise now
        return now

    async with Script(say(snapshot(3), code=4003), say(resumed(4))).running() as script:
        with anyio.fail_after(10):
            async with aclosing(listen(script.url, source)) as stream:
                assert [(await anext(stream)).seq for _ in range(2)] == [3, 4]
    assert [hello["token"] for hello in script.hellos] == ["first", "second"]


@pytest.mark.parametrize("raw", ["[]", "{", '{"t":1}', '{"seq":1}'])
async def test_a_server_that_speaks_something_else_is_raised(raw: str) -> None:
    async def part(socket: ServerConnection, _: dict[str, Any]) -> None:
        await socket.send(raw)

    async with Script(part).running() as script:
        with pytest.raises(BellwireError, match="does not speak"):
            await heard(script, 1)


async def test_a_url_that_is_none_is_raised() -> None:
    with pytest.raises(BellwireError, match="http://host:port"):
        await anext(listen("nowhere", token))
