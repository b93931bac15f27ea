"""The round that signals make through the sessions of a channel, turn by turn. No loop, no sockets."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.live.channels import PORTION, Channel
from gateway.live.outgoing import Outbox, Owing, Shared
from gateway.settings import Limits


class Turns(Outbox):
    """An outbox that is called upon by the test."""

    def __init__(self) -> None:
        self.owing: list[Owing] = []

    def add(self, owing: Owing) -> None:
        self.owing.append(owing)

    def flush(self) -> None:
        owing, self.owing = self.owing, []
        for each in owing:
            each.flush()


class Member:
    """A session that notes what it is offered, and in how many writes."""

    def __init__(self, takes: bool = True) -> None:
        self.writes: list[bytes] = []
        self._takes = takes

    @property
    def heard(self) -> bytes:
        return b"".join(self.writes)

    def offer(self, frames: bytes) -> bool:
        self.writes.append(frames)
        return self._takes

    def say(self, payload: bytes) -> None:
        raise AssertionError("a channel offers signals only")


def channel_of(*members: Member, soft_bytes: int = 1_000) -> tuple[Channel, Shared]:
    shared = Shared(Limits(write_soft_bytes=soft_bytes))
    shared.outbox = Turns()
    channel = Channel(shared)
    for member in members:
        channel.enter(member)
    return channel, shared


def members(count: int) -> list[Member]:
    return [Member() for _ in range(count)]


def test_a_turn_offers_a_signal_to_a_portion_of_the_sessions() -> None:
    crowd = members(2 * PORTION + 1)
    channel, shared = channel_of(*crowd)
    channel.add(b"a")
    reached = []
    while shared.outbox.owing:  # type: ignore[attr-defined]
        shared.outbox.flush()
        reached.append(sum(member.heard == b"a" for member in crowd))
    assert reached == [PORTION, 2 * PORTION, 2 * PORTION + 1]


def test_a_signal_that_comes_on_the_way_is_written_together_with_the_first() -> None:
    crowd = members(3 * PORTION)
    channel, shared = channel_of(*crowd)
    channel.add(b"a")
    shared.outbox.flush()
    channel.add(b"b")
    for _ in range(2):
        shared.outbox.flush()
    assert all(member.writes == [b"ab"] for member in crowd[PORTION:])
    shared.outbox.flush()
    assert all(member.writes == [b"a", b"b"] for member in crowd[:PORTION])


def test_who_enters_on_the_way_hears_only_what_comes_later() -> None:
    late = Member()
    channel, shared = channel_of(*members(2 * PORTION))
    channel.add(b"a")
    shared.outbox.flush()
    channel.enter(late)
    channel.add(b"b")
    channel.finish()
    assert late.heard == b"b"


def test_who_leaves_on_the_way_is_offered_nothing_more_and_nobody_misses_anything() -> None:
    crowd = members(2 * PORTION)
    channel, shared = channel_of(*crowd)
    channel.add(b"a")
    shared.outbox.flush()
    channel.leave(crowd[0])
    channel.leave(crowd[-1])
    channel.add(b"b")
    channel.finish()
    assert (crowd[0].heard, crowd[-1].heard) == (b"a", b"")
    assert {member.heard for member in crowd[1:-1]} == {b"ab"}


def test_who_comes_back_on_the_way_hears_nothing_twice() -> None:
    crowd = members(2 * PORTION)
    channel, shared = channel_of(*crowd)
    channel.add(b"a")
    shared.outbox.flush()
    channel.leave(crowd[0])
    channel.enter(crowd[0])
    channel.add(b"b")
    channel.finish()
    assert crowd[0].heard == b"ab"


def test_who_enters_twice_misses_nothing() -> None:
    crowd = members(2 * PORTION)
    channel, shared = channel_of(*crowd)
    channel.add(b"a")
    shared.outbox.flush()
    channel.enter(crowd[-1])
    channel.finish()
    assert crowd[-1].heard == b"a"


def test_coming_and_going_costs_the_others_no_turn() -> None:
    crowd = members(3 * PORTION)
    channel, shared = channel_of(*crowd)
    channel.add(b"a")
    shared.outbox.flush()
    channel.enter(Member())
    channel.leave(crowd[-1])
    assert sum(member.heard == b"a" for member in crowd) == PORTION


def test_no_more_than_the_soft_limit_goes_round_together() -> None:
    crowd = members(2 * PORTION)
    channel, _ = channel_of(*crowd, soft_bytes=10)
    for _ in range(7):
        channel.add(b"four")
    channel.finish()
    assert max(len(each) for member in crowd for each in member.writes) == 8
    assert all(member.heard == 7 * b"four" for member in crowd)


def test_what_a_session_does_not_take_counts_as_lost() -> None:
    channel, shared = channel_of(Member(), Member(takes=False))
    channel.add(b"a")
    channel.add(b"b")
    channel.finish()
    assert (shared.tally.signals_sent, shared.tally.signals_lost) == (2, 2)


_STEPS = st.lists(st.sampled_from(["signal", "turn", "turn", "enter", "leave"]), max_size=80)


@given(st.integers(1, 3 * PORTION), st.integers(1, 40), _STEPS)
def test_whatever_happens_each_session_hears_what_comes_once_and_in_order(
    count: int, soft_bytes: int, steps: list[str]
) -> None:
    channel, shared = channel_of(soft_bytes=soft_bytes)
    sent = 0
    inside: list[tuple[Member, int]] = []
    gone: list[tuple[Member, int]] = []

    def enter() -> None:
        inside.append((Member(), sent))
        channel.enter(inside[-1][0])

    for _ in range(count):
        enter()
    for step in steps:
        match step:
            case "signal":
                channel.add(bytes([sent]))
                sent += 1
            case "turn":
                shared.outbox.flush()
            case "enter":
                enter()
            case "leave" if len(inside) > 1:
                gone.append(inside.pop(sent % len(inside)))
                channel.leave(gone[-1][0])
    while shared.outbox.owing:  # type: ignore[attr-defined]
        shared.outbox.flush()
    for member, since in inside:
        assert list(member.heard) == list(range(since, sent))
    for member, since in gone:
        assert list(member.heard) == list(range(since, since + len(member.heard)))
    assert shared.tally.signals_sent == sum(len(member.heard) for member, _ in [*inside, *gone])
