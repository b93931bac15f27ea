"""Which live channels a session may be in: decided by the machine, without I/O."""

import json

import pytest
from msgspec.structs import replace

from gateway.auth.tokens import UserClaims
from gateway.live.codes import CloseCode
from gateway.live.session import Answer, Effect, HangUp, Rules, Session, Subscribe, Unsubscribe
from gateway.settings import LIMITS

NOW = 1_000.0
REPLY = b'{"t":"reply","op":"c1"}'


def session(*topics: str, state: str = "live") -> Session:
    made = Session(Rules.of(replace(LIMITS, topics_per_session=3)))
    made.receive('{"t":"hello","token":"x"}', NOW)
    made.claims = UserClaims("acme", "ann", 2_000.0, topics=topics)
    if state == "live":
        made.state = "live"
    return made


def say(session: Session, t: str, topic: str, op: str | None = "c1") -> Effect | None:
    message = {"t": t, "topic": topic} | ({} if op is None else {"op": op})
    return session.receive(json.dumps(message), NOW)


def error(effect: Effect | None) -> tuple[str | None, str]:
    assert isinstance(effect, Answer)
    said = json.loads(effect.payload)
    return said.get("op"), said["code"]


def renew(session: Session, *topics: str, op: str | None = None) -> list[Effect]:
    return session.renewed(UserClaims("acme", "ann", 3_000.0, topics=topics), op)


def test_a_granted_topic_is_subscribed_to_and_answered() -> None:
    assert say(session("room:*"), "sub", "room:7") == Subscribe("acme//room:7", REPLY)


def test_the_same_once_more_is_answered_again() -> None:
    twice = session("news")
    assert say(twice, "sub", "news") == say(twice, "sub", "news") == Subscribe("acme//news", REPLY)
    assert twice.ended() == [Unsubscribe("acme//news", None)]


def test_without_an_op_there_is_no_reply() -> None:
    assert say(session("news"), "sub", "news", None) == Subscribe("acme//news", None)


def test_a_topic_that_is_not_granted_is_forbidden() -> None:
    alone = session("news")
    assert error(say(alone, "sub", "room:7")) == ("c1", "forbidden")
    assert alone.ended() == []


def test_what_no_topic_can_be_called_is_invalid() -> None:
    assert error(say(session("news"), "sub", "a b")) == ("c1", "invalid")


def test_the_number_of_topics_is_bounded() -> None:
    full = session("t:*")
    for number in range(3):
        assert isinstance(say(full, "sub", f"t:{number}"), Subscribe)
    assert error(say(full, "sub", "t:more")) == ("c1", "invalid")
    assert isinstance(say(full, "sub", "t:0"), Subscribe)
    say(full, "unsub", "t:0")
    assert isinstance(say(full, "sub", "t:more"), Subscribe)


def test_leaving_is_answered_whether_one_was_there_or_not() -> None:
    there = session("news")
    say(there, "sub", "news")
    assert say(there, "unsub", "news") == say(there, "unsub", "news") == Unsubscribe("acme//news", REPLY)
    assert there.ended() == []


@pytest.mark.parametrize("t", ["sub", "unsub"])
def test_before_the_welcome_it_is_too_early(t: str) -> None:
    assert error(say(session("news", state="joining"), t, "news")) == ("c1", "unavailable")


def test_a_new_token_ends_what_it_does_not_grant() -> None:
    both = session("news", "room:*")
    say(both, "sub", "news")
    say(both, "sub", "room:7")
    left, reply = renew(both, "news", op="c2")
    assert isinstance(left, Unsubscribe)
    assert left.channel == "acme//room:7"
    assert left.reply is not None
    assert json.loads(left.reply)["code"] == "forbidden"
    assert reply == Answer(b'{"t":"reply","op":"c2"}')
    assert both.ended() == [Unsubscribe("acme//news", None)]


def test_a_token_for_another_user_ends_the_session() -> None:
    [effect] = session().renewed(UserClaims("acme", "bob", 3_000.0), None)
    assert isinstance(effect, HangUp)
    assert effect.code == CloseCode.BAD_TOKEN
