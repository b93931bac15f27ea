"""What is decided without a network: when to try again, when to renew a token, where lines end, how much fits."""

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

import httpx2
import msgspec
import pytest

from bellwire import Retries, Unavailable
from bellwire.call import Call, batches, nothing
from bellwire.exchange import Flow, Pause, Send, attempts
from bellwire.lines import Lines
from bellwire.patience import Patience
from bellwire.refusals import refusal
from bellwire.tokens import Credentials, Tokens

T = TypeVar("T")


class Clock:
    """It goes as far as one moves it."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def drive(flow: Flow[T], answers: Iterator[httpx2.Response], clock: Clock) -> tuple[T, list[float]]:
    """What ``flow`` ends with, fed with ``answers``, and how long it paused."""
    pauses: list[float] = []
    reply: Any = None
    while True:
        try:
            step = flow.send(reply)
        except StopIteration as end:
            return end.value, pauses
        reply = next(answers) if isinstance(step, Send) else None
        if isinstance(step, Pause):
            pauses.append(step.seconds)
            clock.now += step.seconds


def busy(retry_after: str = "") -> httpx2.Response:
    return httpx2.Response(503, headers={"retry-after": retry_after} if retry_after else {})


def call() -> Call[None]:
    return Call(method="GET", path="/", read=nothing)


def patience(clock: Clock, attempts: int = 6, total_s: float = 30.0, draw: float = 1.0) -> Patience:
    return Patience(Retries(attempts, total_s), clock, lambda: draw)


def test_pauses_double_up_to_a_bound() -> None:
    clock = Clock()
    answers = iter([*[busy()] * 7, httpx2.Response(200)])

    _, pauses = drive(attempts(call(), "", patience(clock, attempts=9)), answers, clock)

    assert pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


def test_a_pause_is_what_the_server_asked_for_and_a_random_part() -> None:
    clock = Clock()

    _, pauses = drive(attempts(call(), "", patience(clock, draw=0.5)), iter([busy("3"), httpx2.Response(200)]), clock)

    assert pauses == pytest.approx([3.1])


def test_attempts_end() -> None:
    clock = Clock()

    with pytest.raises(Unavailable):
        drive(attempts(call(), "", patience(clock, attempts=3)), iter([busy()] * 3), clock)


def test_a_pause_beyond_the_total_is_not_begun() -> None:
    clock = Clock()

    with pytest.raises(Unavailable) as failed:
        drive(attempts(call(), "", patience(clock)), iter([busy("31")]), clock)

    assert failed.value.retry_after_s == 31
    assert clock.now == Clock.now


def test_retry_after_may_be_a_date() -> None:
    at = datetime.now(UTC) + timedelta(seconds=60)

    assert refusal(busy(format_datetime(at, usegmt=True))).retry_after_s == pytest.approx(59, abs=1.5)
    assert refusal(busy("whenever")).retry_after_s == 0


def test_a_token_is_used_for_nine_tenths_of_its_life() -> None:
    clock = Clock()
    tokens = Tokens(Credentials("id", "secret"), clock)

    def settle() -> str:
        found = tokens.settled(None, tokens.fetches, patience(clock))
        if isinstance(found, str):
            return found
        body = {"access_token": f"token {tokens.fetches}", "expires_in": 900}
        return drive(found, iter([httpx2.Response(200, json=body)]), clock)[0]

    assert [settle(), settle()] == ["token 0"] * 2
    clock.now += 809
    assert settle() == "token 0"
    clock.now += 2
    assert settle() == "token 1"


def test_credentials_with_any_characters_arrive_whole() -> None:
    scheme, value = Credentials("a:b", "c d%é").basic().split()

    assert (scheme, b64decode(value)) == ("Basic", b"a%3Ab:c+d%25%C3%A9")


def test_lines_end_at_line_feeds_only_wherever_the_pieces_end() -> None:
    text = json.dumps({"type": "item", "title": "a\u2028b"}, ensure_ascii=False).encode()
    body = text + b'\n{"type":"end","complete":true}\n'

    for size in (1, 7, len(body)):
        lines = Lines()
        found = [line for at in range(0, len(body), size) for line in lines.feed(body[at : at + size])]
        lines.finish()
        assert found == [text, b'{"type":"end","complete":true}']


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<h1>Welcome</h1>\n",
        b'{"type":"item"}\n',
        b'{"type":"end","complete":true}',
        b'{"type":"end","complete":false,"detail":"erased"}\n',
    ],
)
def test_an_export_that_is_not_complete_is_an_error(body: bytes) -> None:
    lines = Lines()
    lines.feed(body)

    with pytest.raises(Unavailable, match="broke off"):
        lines.finish()


def test_batches_hold_a_thousand_and_stay_small() -> None:
    assert [len(batch) for batch in batches(range(2_001))] == [1_000, 1_000, 1]
    large = list(batches(["x" * 60_000] * 7))
    assert [len(batch) for batch in large] == [3, 3, 1]
    assert all(len(msgspec.json.encode(batch)) < 256 * 1024 for batch in large)
