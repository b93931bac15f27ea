"""docs/protocol.md is executed: our decoder reads what clients say, a running server says what the page shows."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect

from gateway.live import wire
from gateway.live.codes import CloseCode
from gateway.settings import LIMITS
from inbox.stream import MARK_IDS_MAX
from tests.docs.protocol import close_codes, events, examples, kind, limits, shape, stream
from tests.faults.backend import Backend
from tests.faults.fleet import Fleet, Program

pytestmark = pytest.mark.anyio

Json = dict[str, Any]

NEEDS_TIME = {"sync", "ping"}
"""Said only to a reader that is slow, or silent for 25 s: their shape is one number, or nothing."""

RICH: Json = {
    "recipients": ["alice"],
    "category": "comments",
    "title": "Ada replied",
    "body": "Looks right to me.",
    "data": {"pull": 7},
    "url": "https://example.com/pulls/7",
    "actions": [{"label": "Open", "url": "/pulls/7"}],
    "actor": {"id": "ada", "name": "Ada", "avatar": "https://example.com/ada.png"},
}


REPLIES: Json = {"recipients": ["alice"], "category": "comments", "title": "Replied", "collapse_key": "pull 7"}


class Conversation:
    """A socket whose every message is kept."""

    def __init__(self, socket: ClientConnection, heard: list[Json]) -> None:
        self._socket = socket
        self.heard = heard

    async def say(self, **message: Any) -> None:
        await self._socket.send(json.dumps(message))

    async def hear(self, *wanted: str) -> Json:
        """Listen until each of the ``wanted`` kinds of message came; the last one that did. Pings are passed over."""
        missing = set(wanted)
        with anyio.fail_after(10):
            while missing:
                message: Json = json.loads(await self._socket.recv())
                if message["t"] != "ping":
                    self.heard.append(message)
                    missing -= {message["t"], message.get("kind", "")}
        return message


@pytest.fixture
async def heard(tmp_path: Path) -> AsyncIterator[list[Json]]:
    """Everything that a real server said in one tour of the protocol."""
    fleet = Fleet({"BELLWIRE_DATA_DIR": str(tmp_path / "data")}, tmp_path)
    try:
        program = await anyio.to_thread.run_sync(fleet.add, "serve")
        client = await anyio.to_thread.run_sync(fleet.client, "notifications:write", "users", "topics")
        async with httpx2.AsyncClient(trust_env=False) as http:
            yield await tour(program, await Backend(program.url, http, client).login())
    finally:
        fleet.stop()


async def tour(program: Program, backend: Backend) -> list[Json]:
    heard: list[Json] = []
    address = program.url.replace("http", "ws", 1) + "/v1/ws"
    token = (await backend.request("POST", "/v1/users/alice/tokens", json={"topics": ["room:*"]})).json()["token"]
    await backend.request("POST", "/v1/notifications", json=RICH)
    async with connect(address) as socket:
        talk = Conversation(socket, heard)
        await talk.say(t="hello", token=token)
        welcome = await talk.hear("welcome")
        await backend.request("POST", "/v1/notifications", json={"recipients": ["alice"], "title": "Hello"})
        item = (await talk.hear("created"))["item"]["id"]
        await talk.say(t="read", ids=[item], op="c1")
        await talk.hear("read", "reply")
        for name in ("Ada", "Ben"):
            actor = {"id": name.lower(), "name": name}
            await backend.request("POST", "/v1/notifications", json={**REPLIES, "actor": actor})
        await talk.hear("updated")
        await talk.say(t="sub", topic="room:7", op="c4")
        await talk.hear("reply")
        await backend.request("POST", "/v1/topics/room:7/signals", json={"data": {"typing": "ada"}})
        await talk.hear("signal")
        await talk.say(t="remove", ids=[item])
        await talk.hear("removed")
        await talk.say(t="read", ids=[item], op="c1")
        await talk.hear("error")
    async with connect(address) as socket:
        talk = Conversation(socket, heard)
        await talk.say(t="hello", token=token, cursor={"epoch": welcome["epoch"], "seq": 2})
        await talk.hear("welcome")
        await anyio.to_thread.run_sync(program.terminate)
        await talk.hear("bye")
    return heard


@pytest.mark.parametrize("text", examples("client"), ids=kind)
def test_what_a_client_says_is_understood(text: str) -> None:
    message = wire.read_message(text)
    assert not isinstance(message, wire.Hello) or message.token == "<user JWT>"


def test_every_message_that_a_client_may_say_is_shown() -> None:
    with pytest.raises(wire.Refused, match="expected t to be one of") as refused:
        wire.read_message('{"t": "nonsense"}')
    known = set(str(refused.value).partition("one of ")[2].split(", "))
    shown = {json.loads(text)["t"] for text in examples("client")}
    assert known - shown == {"unread", "archive", "unarchive"}, "marks are shown by a few, and named in the text"


def test_the_close_codes_are_those_of_the_server() -> None:
    table = [(int(code), code.name.lower().replace("_", " "), code < 4500) for code in CloseCode]
    assert close_codes() == table


def test_the_limits_are_those_of_the_server() -> None:
    assert limits() == {
        "frame from a client": LIMITS.frame_bytes // 1024,
        "hello": LIMITS.hello_timeout_s,
        "ping": LIMITS.heartbeat_s,
        "messages": LIMITS.messages_per_s,
        "ids in a mark": MARK_IDS_MAX,
        "marks and requests of one user at once": LIMITS.user_concurrent_requests,
        "marks and requests of one user": LIMITS.user_requests_per_s,
        "channels of one session": LIMITS.topics_per_session,
        "data of a signal": LIMITS.signal_bytes // 1024,
        "sessions of one user on a node": LIMITS.sessions_per_user,
        "sessions from one address on a node": LIMITS.sessions_per_address,
        "welcome": LIMITS.welcome_entries,
    }


async def test_what_a_server_says_is_what_the_page_shows(heard: list[Json]) -> None:
    said = [shape(message) for message in heard]
    shown = [text for text in examples("server") if kind(text) not in NEEDS_TIME]
    assert [kind(text) for text in shown if shape(json.loads(text)) not in said] == []


async def test_the_page_shows_all_that_a_server_says(heard: list[Json]) -> None:
    shown = {json.loads(text)["t"] for text in examples("server")}
    assert {message["t"] for message in heard} == shown - NEEDS_TIME


async def test_an_event_stream_is_as_the_page_shows_it(tmp_path: Path) -> None:
    fleet = Fleet({"BELLWIRE_DATA_DIR": str(tmp_path / "data")}, tmp_path)
    try:
        program = await anyio.to_thread.run_sync(fleet.add, "serve")
        client = await anyio.to_thread.run_sync(fleet.client, "notifications:write", "users", "topics")
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as http:
            said = await told(program, await Backend(program.url, http, client).login(), http)
    finally:
        fleet.stop()
    assert [(names, shape(message)) for names, message in said] == [
        (names, shape(message)) for names, message in stream()
    ]


async def told(program: Program, backend: Backend, http: httpx2.AsyncClient) -> list[tuple[list[str], Any]]:
    """What a stream says to a client that comes back, reads on another device, and stays until the end."""
    await backend.request("POST", "/v1/notifications", json=RICH)
    token = (await backend.request("POST", "/v1/users/alice/tokens", json={})).json()["token"]
    user = {"authorization": f"Bearer {token}"}
    inbox = (await http.get(f"{program.url}/v1/inbox", headers=user)).json()
    last = {"last-event-id": f"{inbox['epoch']}:{inbox['seq']}"}
    async with http.stream("GET", f"{program.url}/v1/stream", headers=user | last) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        text = ""
        async for part in answer.aiter_text():
            if not text:
                await http.post(f"{program.url}/v1/inbox/read", headers=user, json={"ids": [inbox["items"][0]["id"]]})
            elif '"kind":"read"' in part:
                await anyio.to_thread.run_sync(program.terminate)
            text += part
    return events(text)
