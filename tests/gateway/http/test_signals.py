"""POST /v1/topics/{topic}/signals."""

from typing import Any

import pytest

from inbox.ids import channel_key
from tests.gateway.http.conftest import Api

pytestmark = pytest.mark.anyio


class Heard:
    """What went out on the bus."""

    def __init__(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frames: list[tuple[str, int, str, bytes]] = []
        monkeypatch.setattr(api.app.bus, "publish", lambda *frame: self.frames.append(frame))


@pytest.fixture
def heard(api: Api, monkeypatch: pytest.MonkeyPatch) -> Heard:
    return Heard(api, monkeypatch)


async def test_a_signal_goes_to_the_channel_of_its_tenant(api: Api, heard: Heard) -> None:
    answer = await api.ask("POST", "/v1/topics/room:7/signals", "topics", json={"data": {"typing": "ada"}})

    assert (answer.status_code, answer.json()) == (202, {})
    payload = b'{"t":"signal","topic":"room:7","data":{"typing":"ada"}}'
    assert heard.frames == [(channel_key("default", "room:7"), 0, "", payload)]


async def test_nothing_of_it_is_stored(api: Api) -> None:
    await api.ask("POST", "/v1/topics/news/signals", json={"data": {}})

    assert (await api.ask("GET", "/v1/topics/news")).status_code == 404
    assert (await api.head()).seq == 0


async def test_64_kb_are_taken_and_one_byte_more_is_not(api: Api, heard: Heard) -> None:
    filling = "x" * (64 * 1024 - len('{"x":""}'))
    fits = await api.ask("POST", "/v1/topics/news/signals", json={"data": {"x": filling}})
    larger = await api.ask("POST", "/v1/topics/news/signals", json={"data": {"x": filling + "x"}})

    assert (fits.status_code, larger.status_code) == (202, 422)
    assert larger.json()["errors"][0]["field"] == "data"
    assert len(heard.frames) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "data"), ({"data": 1}, "data"), ({"data": None}, "data"), ({"data": {}, "datta": {}}, "datta")],
)
async def test_what_does_not_fit_is_named_and_not_sent(api: Api, heard: Heard, body: Any, field: str) -> None:
    answer = await api.ask("POST", "/v1/topics/news/signals", json=body)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert heard.frames == []


async def test_a_name_that_no_topic_can_have_is_refused(api: Api, heard: Heard) -> None:
    answer = await api.ask("POST", "/v1/topics/a%20b/signals", json={"data": {}})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "topic")


async def test_it_takes_the_scope_topics(api: Api, heard: Heard) -> None:
    answer = await api.ask("POST", "/v1/topics/news/signals", "notifications:write", json={"data": {}})

    assert (answer.status_code, heard.frames) == (403, [])
