"""The arithmetic of subscriptions, alone and against a model of Redis that answers late."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from inbox.bus.redis.subscriptions import Subscriptions

ANNA, BEN, CLEO = "acme/anna", "acme/ben", "acme/cleo"


def settled(*streams: str) -> Subscriptions:
    """Subscriptions in which ``streams`` are wanted and confirmed."""
    table = Subscriptions()
    table.want(streams)
    table.questions(512)
    for stream in streams:
        table.answered(stream, subscribed=True)
    return table


def test_a_new_stream_has_to_be_confirmed_and_is_then_settled() -> None:
    table = Subscriptions()
    assert table.want([ANNA]) == [ANNA]
    assert table.questions(512) == ([ANNA], [])
    assert not table.is_settled(ANNA)
    assert table.answered(ANNA, subscribed=True) is False
    assert table.is_settled(ANNA)


def test_a_settled_stream_needs_no_second_question() -> None:
    table = settled(ANNA)
    assert table.want([ANNA]) == []
    assert table.questions(512) == ([], [])


def test_a_stream_left_and_taken_again_before_anything_was_sent_costs_nothing() -> None:
    table = settled(ANNA)
    table.forget([ANNA])
    assert table.want([ANNA]) == []
    assert table.questions(512) == ([], [])


def test_a_stream_taken_again_while_it_is_being_left_waits_for_both_answers() -> None:
    table = settled(ANNA)
    table.forget([ANNA])
    assert table.questions(512) == ([], [ANNA])
    assert table.want([ANNA]) == [ANNA]
    assert table.questions(512) == ([], [])
    table.answered(ANNA, subscribed=False)
    assert table.questions(512) == ([ANNA], [])
    table.answered(ANNA, subscribed=True)
    assert table.is_settled(ANNA)


def test_a_stream_left_while_it_is_being_taken_is_unsubscribed_once_confirmed() -> None:
    table = Subscriptions()
    table.want([ANNA])
    table.questions(512)
    table.forget([ANNA])
    assert table.questions(512) == ([], [])
    assert table.answered(ANNA, subscribed=True) is False
    assert table.questions(512) == ([], [ANNA])


def test_a_confirmation_nobody_asked_for_is_a_gap() -> None:
    table = settled(ANNA)
    assert table.answered(ANNA, subscribed=True) is True


def test_an_unsubscription_nobody_asked_for_is_asked_anew_and_then_a_gap() -> None:
    table = settled(ANNA)
    assert table.answered(ANNA, subscribed=False) is False
    assert not table.is_settled(ANNA)
    assert table.questions(512) == ([ANNA], [])
    assert table.answered(ANNA, subscribed=True) is True


def test_an_answer_about_a_stream_nobody_holds_is_no_gap() -> None:
    table = Subscriptions()
    assert table.answered(ANNA, subscribed=True) is False
    assert table.questions(512) == ([], [ANNA])


def test_a_stream_whose_subscriber_gave_up_is_a_gap_when_its_confirmation_comes() -> None:
    table = Subscriptions()
    table.want([ANNA])
    table.questions(512)
    table.owe([ANNA])
    assert table.questions(512) == ([], [])
    assert table.answered(ANNA, subscribed=True) is True
    assert table.is_settled(ANNA)


def test_a_doubted_stream_is_asked_anew_and_then_a_gap() -> None:
    table = settled(ANNA, BEN)
    table.owe([ANNA])
    assert table.want([ANNA]) == [ANNA]
    assert table.questions(512) == ([ANNA], [])
    assert table.answered(ANNA, subscribed=True) is True


def test_a_doubt_is_forgotten_with_its_stream() -> None:
    table = settled(ANNA)
    table.owe([ANNA])
    table.forget([ANNA])
    assert table.want([ANNA]) == []


def test_doubting_a_stream_nobody_holds_changes_nothing() -> None:
    table = Subscriptions()
    table.owe([ANNA])
    assert table.questions(512) == ([], [])


def test_a_new_connection_asks_for_everything_and_reports_what_was_confirmed_before() -> None:
    table = settled(ANNA)
    table.want([BEN])
    table.restart()
    assert sorted(table.questions(512)[0]) == [ANNA, BEN]
    assert table.answered(ANNA, subscribed=True) is True
    assert table.answered(BEN, subscribed=True) is False


def test_a_refusal_means_the_oldest_question_which_is_asked_again() -> None:
    table = settled(CLEO)
    table.want([ANNA])
    table.questions(512)
    table.want([BEN])
    table.questions(512)
    table.refused()
    assert table.questions(512) == ([ANNA], [])
    assert table.answered(BEN, subscribed=True) is False
    assert table.is_settled(CLEO)


def test_a_refusal_without_a_question_changes_nothing() -> None:
    table = settled(ANNA)
    table.refused()
    assert table.is_settled(ANNA)


def test_questions_come_in_batches() -> None:
    table = Subscriptions()
    streams = [f"acme/{number}" for number in range(1_100)]
    table.want(streams)
    batches = [table.questions(512)[0] for _ in range(4)]
    assert [len(batch) for batch in batches] == [512, 512, 76, 0]
    assert sorted(stream for batch in batches for stream in batch) == sorted(streams)


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["want", "forget", "owe", "send", "answer", "refuse", "cut"]), st.sampled_from([ANNA, BEN])
    ),
    max_size=60,
)


@given(ACTS)
def test_whatever_happens_redis_ends_with_what_is_wanted_and_no_loss_stays_unreported(
    acts: list[tuple[str, str]],
) -> None:
    table = Subscriptions()
    server: set[str] = set()
    way: deque[tuple[str, bool]] = deque()
    suspect: set[str] = set()

    def send() -> None:
        for streams, subscribed in zip(table.questions(1), (True, False), strict=True):
            way.extend((stream, subscribed) for stream in streams)

    def answer() -> None:
        stream, subscribed = way.popleft()
        (server.add if subscribed else server.discard)(stream)
        if table.answered(stream, subscribed):
            suspect.discard(stream)

    for act, stream in acts:
        if act == "want":
            table.want([stream])
        elif act == "forget":
            table.forget([stream])
            suspect.discard(stream)
        elif act == "owe":
            table.owe([stream])
            suspect |= {stream} & table.wanted
        elif act == "send":
            send()
        elif act == "cut":
            suspect |= {stream for stream in table.wanted if table.is_settled(stream)}
            server.clear()
            way.clear()
            table.restart()
        elif act == "refuse" and way:
            way.popleft()
            table.refused()
        elif way:
            answer()

    send()
    while way:
        answer()
        send()
    assert server == table.wanted
    assert suspect == set()
    assert all(table.is_settled(stream) for stream in table.wanted)
