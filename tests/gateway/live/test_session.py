import json
from typing import Any

import pytest

from gateway.auth.tokens import UserClaims
from gateway.live.codes import CloseCode
from gateway.live.session import Answer, Apply, Confirm, Effect, HangUp, Join, Renew, Rules, Session
from gateway.settings import LIMITS
from inbox.model import Mark

HELLO = '{"t":"hello","token":"x","visible":false}'
READ = '{"t":"read","ids":["a"],"op":"c1"}'
REFRESH = '{"t":"refresh","token":"y","op":"c1"}'
NOW = 1_000.0


def new() -> Session:
    return Session(Rules.of(LIMITS))


def joining() -> Session:
    session = new()
    session.receive(HELLO, NOW)
    return session


def live() -> Session:
    session = joining()
    session.claims = UserClaims("acme", "ann", 2_000.0)
    session.state = "live"
    return session


def answer(effect: Effect | None) -> Any:
    assert isinstance(effect, Answer)
    return json.loads(effect.payload)


def code(effect: Effect | None) -> CloseCode:
    assert isinstance(effect, HangUp)
    return effect.code


def test_hello_asks_to_join() -> None:
    session = new()
    effect = session.receive(HELLO, NOW)
    assert isinstance(effect, Join)
    assert (effect.hello.token, session.state) == ("x", "joining")


@pytest.mark.parametrize(
    "text", ["{", "{}", READ, '{"t":"sub"}', '{"t":"hello"}', '{"t":"pong"}', '{"t":"ack","seq":1}']
)
def test_anything_but_a_good_hello_at_first_ends_it(text: str) -> None:
    assert code(new().receive(text, NOW)) == CloseCode.BAD_FRAME


@pytest.mark.parametrize("session", [joining(), live()])
def test_a_second_hello_ends_it(session: Session) -> None:
    assert code(session.receive(HELLO, NOW)) == CloseCode.BAD_FRAME


def test_what_is_not_a_message_ends_it() -> None:
    assert code(live().receive("[]", NOW)) == CloseCode.BAD_FRAME


def test_an_unknown_kind_is_answered() -> None:
    error = answer(live().receive('{"t":"shout","op":"c1"}', NOW))
    assert (error["op"], error["code"], error["temporary"]) == ("c1", "unknown_type", False)


def test_a_bad_field_is_answered_with_its_name() -> None:
    error = answer(live().receive('{"t":"read","ids":[7],"op":"c1"}', NOW))
    assert (error["op"], error["code"]) == ("c1", "invalid")
    assert error["message"].startswith("ids[0]")


def test_a_mark_is_applied() -> None:
    assert live().receive(READ, NOW) == Apply(Mark("read", ("a",)), "c1")


def test_marks_wait_for_the_welcome() -> None:
    error = answer(joining().receive(READ, NOW))
    assert (error["op"], error["code"], error["temporary"]) == ("c1", "unavailable", True)


def test_marks_under_way_are_bounded() -> None:
    session = live()
    for _ in range(LIMITS.marks_in_flight):
        assert isinstance(session.receive(READ, NOW), Apply)
    error = answer(session.receive(READ, NOW))
    assert (error["code"], error["temporary"]) == ("rate_limited", True)
    session.mark_done()
    assert isinstance(session.receive(READ, NOW), Apply)


def test_acks_count_once_it_is_live() -> None:
    assert joining().receive('{"t":"ack","seq":3}', NOW) is None
    assert live().receive('{"t":"ack","seq":3}', NOW) == Confirm(3)


def test_visible_needs_no_answer() -> None:
    assert live().receive('{"t":"visible","on":true}', NOW) is None


def test_a_refresh_asks_for_verification() -> None:
    assert live().receive(REFRESH, NOW) == Renew("y", "c1")


def test_a_refresh_waits_for_the_one_before_it() -> None:
    session = live()
    session.receive(REFRESH, NOW)
    error = answer(session.receive(REFRESH, NOW))
    assert (error["op"], error["code"], error["temporary"]) == ("c1", "rate_limited", True)
    session.renew_done()
    assert isinstance(session.receive(REFRESH, NOW), Renew)


def test_a_new_token_of_the_same_user_replaces_the_expiry() -> None:
    session = live()
    [effect] = session.renewed(UserClaims("acme", "ann", 9_000.0), "c1")
    assert answer(effect) == {"t": "reply", "op": "c1"}
    assert session.claims is not None
    assert session.claims.expires_at == 9_000.0


@pytest.mark.parametrize(("tenant", "user"), [("acme", "bob"), ("other", "ann")])
def test_a_token_of_another_user_ends_it(tenant: str, user: str) -> None:
    [effect] = live().renewed(UserClaims(tenant, user, 9_000.0), None)
    assert code(effect) == CloseCode.BAD_TOKEN


def test_a_flood_of_messages_ends_it() -> None:
    session = live()
    effects = [session.receive('{"t":"pong"}', NOW + 10) for _ in range(LIMITS.messages_burst)]
    assert effects == [None] * LIMITS.messages_burst
    assert code(session.receive('{"t":"pong"}', NOW + 10)) == CloseCode.RATE_LIMIT


def test_a_steady_client_may_go_on_for_ever() -> None:
    session = live()
    for number in range(2_000):
        assert session.receive('{"t":"pong"}', NOW + 10 + number / LIMITS.messages_per_s) is None


def test_a_flood_of_pings_ends_it() -> None:
    session = live()
    effects = [session.control(NOW) for _ in range(LIMITS.pings_burst + 1)]
    assert effects[:-1] == [None] * LIMITS.pings_burst
    assert code(effects[-1]) == CloseCode.RATE_LIMIT
