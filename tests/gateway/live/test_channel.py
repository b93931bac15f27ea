"""The round that signals make through the sessions of a channel, turn by turn. No loop, no sockets."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from gateway.live.channel import PACE_S, PORTION, PORTION_BYTES, Channel
from gateway.live.outgoing import Outbox, Owing, Shared
from gateway.settings import Limits


class Turns(Outbox):
    """An outbox that is called upon by the test, which is its clock too."""

    def __init__(self) -> None:
        self.owing: list[Owing] = []
        self.waiting: list[tuple[float, Owing]] = []
        self.now = 0.0

    def add(self, owing: Owing) -> None:
        self.owing.append(owing)

    def add_later(self, owing: Owing, delay_s: float) -> None:
        self.waiting.append((self.now + delay_s, owing))

    def time(self) -> float:
        return self.now

    def flush(self) -> None:
        owing, self.owing = self.owing, []
        for each in owing:
            each.flush()

    def pass_by(self, seconds: float) -> None:
        """Turns of the loop, each of which takes no time, until ``seconds`` are over."""
        end = self.now + seconds
        while self.owing or any(at <= end for at, _ in self.waiting):
            if not self.owing:
                at, owing = self.waiting.pop(0)
                self.now = max(self.now, at)
                owing.flush()
            self.flush()
        self.now = end


class Member:
    """A session that notes what it is offered, in how many writes, and when each byte of it."""

    def __init__(self, takes: bool = True, clock: Callable[[], float] = float) -> None:
        self.writes: list[bytes] = []
        self.heard_at: list[float] = []
        self._takes = takes
        self._clock = clock

    @property
    def heard(self) -> bytes:
        return b"".join(self.writes)

    def offer(self, frames: bytes) -> bool:
        self.writes.append(frames)
        self.heard_at += [self._clock()] * len(frames)
        return self._takes

    def say(self, payload: bytes) -> None:
        raise AssertionError("a channel offers signals only")


class Stage:
    """A channel, and what its turns and its time come from."""

    def __init__(self, *members: Member, soft_bytes: int = 1_000, channel_bytes: int = 1_000) -> None:
        shared = Shared(Limits(write_soft_bytes=soft_bytes, channel_bytes=channel_bytes))
        self.turns = shared.outbox = Turns()
        self.tally = shared.tally
        self.channel = Channel(shared)
        for member in members:
            self.channel.enter(member)


def members(count: int) -> list[Member]:
    return [Member() for _ in range(count)]


def test_a_turn_offers_a_signal_to_a_portion_of_the_sessions() -> None:
    crowd = members(2 * PORTION + 1)
    stage = Stage(*crowd)
    stage.channel.add(b"a")
    reached = []
    while stage.turns.owing:
        stage.turns.flush()
        reached.append(sum(member.heard == b"a" for member in crowd))
    assert reached == [PORTION, 2 * PORTION, 2 * PORTION + 1]


def test_a_signal_that_comes_on_the_way_is_written_together_with_the_first() -> None:
    crowd = members(3 * PORTION)
    stage = Stage(*crowd)
    stage.channel.add(b"a")
    stage.turns.flush()
    stage.channel.add(b"b")
    for _ in range(2):
        stage.turns.flush()
    assert all(member.writes == [b"ab"] for member in crowd[PORTION:])
    stage.turns.pass_by(PACE_S)
    assert all(member.writes == [b"a", b"b"] for member in crowd[:PORTION])


def test_who_enters_on_the_way_hears_only_what_comes_later() -> None:
    late = Member()
    stage = Stage(*members(2 * PORTION))
    stage.channel.add(b"a")
    stage.turns.flush()
    stage.channel.enter(late)
    stage.channel.add(b"b")
    stage.turns.pass_by(1)
    assert late.heard == b"b"


def test_who_leaves_on_the_way_is_offered_nothing_more_and_nobody_misses_anything() -> None:
    crowd = members(2 * PORTION)
    stage = Stage(*crowd)
    stage.channel.add(b"a")
    stage.turns.flush()
    stage.channel.leave(crowd[0])
    stage.channel.leave(crowd[-1])
    stage.channel.add(b"b")
    stage.turns.pass_by(1)
    assert (crowd[0].heard, crowd[-1].heard) == (b"a", b"")
    assert {member.heard for member in crowd[1:-1]} == {b"ab"}


def test_who_comes_back_on_the_way_hears_nothing_twice() -> None:
    crowd = members(2 * PORTION)
    stage = Stage(*crowd)
    stage.channel.add(b"a")
    stage.turns.flush()
    stage.channel.leave(crowd[0])
    stage.channel.enter(crowd[0])
    stage.channel.add(b"b")
    stage.turns.pass_by(1)
    assert crowd[0].heard == b"ab"


def test_who_enters_twice_misses_nothing() -> None:
    crowd = members(2 * PORTION)
    stage = Stage(*crowd)
    stage.channel.add(b"a")
    stage.turns.flush()
    stage.channel.enter(crowd[-1])
    stage.turns.pass_by(1)
    assert crowd[-1].heard == b"a"


def test_coming_and_going_costs_the_others_no_turn() -> None:
    crowd = members(3 * PORTION)
    stage = Stage(*crowd)
    stage.channel.add(b"a")
    stage.turns.flush()
    stage.channel.enter(Member())
    stage.channel.leave(crowd[-1])
    assert sum(member.heard == b"a" for member in crowd) == PORTION


def test_no_more_than_the_soft_limit_goes_round_together() -> None:
    crowd = members(2 * PORTION)
    stage = Stage(*crowd, soft_bytes=10)
    for _ in range(7):
        stage.channel.add(b"four")
    stage.turns.pass_by(1)
    assert max(len(each) for member in crowd for each in member.writes) == 8
    assert all(member.heard == 7 * b"four" for member in crowd)


def test_what_waits_for_room_is_bounded_and_what_is_lost_is_counted() -> None:
    crowd = members(2 * PORTION)
    stage = Stage(*crowd, soft_bytes=10, channel_bytes=20)
    for signal in range(10):
        stage.channel.add(4 * bytes([signal]))
    stage.turns.pass_by(1)
    assert all(member.heard == b"".join(4 * bytes([signal]) for signal in range(7)) for member in crowd)
    assert stage.tally.signals_lost == 3 * len(crowd)


def test_a_turn_comes_to_no_more_than_a_portion_however_much_there_is() -> None:
    crowd = members(3 * PORTION)
    stage = Stage(*crowd, soft_bytes=10)
    for _ in range(7):
        before = sum(len(member.writes) for member in crowd)
        stage.channel.add(b"four")
        stage.turns.flush()
        assert sum(len(member.writes) for member in crowd) - before <= PORTION


def test_a_turn_writes_no_more_than_a_portion_of_bytes() -> None:
    crowd = members(PORTION)
    stage = Stage(*crowd, soft_bytes=PORTION_BYTES)
    stage.channel.add(bytes(PORTION_BYTES // 4))
    for turn in range(1, PORTION // 4 + 1):
        stage.turns.flush()
        assert sum(len(member.heard) for member in crowd) == turn * PORTION_BYTES


def test_what_a_session_does_not_take_counts_as_lost() -> None:
    stage = Stage(Member(), Member(takes=False))
    stage.channel.add(b"a")
    stage.channel.add(b"b")
    stage.turns.pass_by(1)
    assert (stage.tally.signals_sent, stage.tally.signals_lost) == (2, 2)


def lateness_s(crowd: list[Member], sent_at: list[float]) -> list[float]:
    """How late each signal was, for each of those who heard it. Signals are bytes, counted up."""
    return [at - sent_at[signal] for member in crowd for signal, at in zip(member.heard, member.heard_at, strict=True)]


def test_signals_close_upon_each_other_share_writes_and_none_waits_longer_than_a_round() -> None:
    stage = Stage()
    crowd = [Member(clock=stage.turns.time) for _ in range(1_000)]
    for member in crowd:
        stage.channel.enter(member)
    sent_at = []
    for signal in range(240):
        sent_at.append(stage.turns.now)
        stage.channel.add(bytes([signal]))
        stage.turns.pass_by(0.01)
    stage.turns.pass_by(1)
    assert all(list(member.heard) == list(range(240)) for member in crowd)
    assert max(lateness_s(crowd, sent_at)) < PACE_S + 1e-9
    assert {len(member.writes) for member in crowd} <= {200, 201}  # one in 12 ms, not in 10


def test_a_signal_after_a_pause_waits_for_nothing() -> None:
    stage = Stage()
    crowd = [Member(clock=stage.turns.time) for _ in range(3 * PORTION)]
    for member in crowd:
        stage.channel.enter(member)
    for signal in range(10):
        stage.channel.add(bytes([signal]))
        stage.turns.pass_by(2 * PACE_S)
    assert max(lateness_s(crowd, [2 * PACE_S * n for n in range(10)])) < 1e-9


def test_a_small_channel_waits_for_nothing() -> None:
    stage = Stage()
    crowd = [Member(clock=stage.turns.time) for _ in range(PORTION)]
    for member in crowd:
        stage.channel.enter(member)
    for signal in range(10):
        stage.channel.add(bytes([signal]))
        stage.turns.pass_by(0.001)
    assert max(lateness_s(crowd, [0.001 * n for n in range(10)])) < 1e-9


_STEPS = st.lists(st.sampled_from(["signal", "turn", "turn", "moment", "enter", "leave"]), max_size=80)


@given(st.integers(1, 3 * PORTION), st.integers(1, 40), _STEPS)
def test_whatever_happens_each_session_hears_what_comes_once_and_in_order(
    count: int, soft_bytes: int, steps: list[str]
) -> None:
    stage = Stage(soft_bytes=soft_bytes)
    sent = 0
    inside: list[tuple[Member, int]] = []
    gone: list[tuple[Member, int]] = []

    def enter() -> None:
        inside.append((Member(), sent))
        stage.channel.enter(inside[-1][0])

    for _ in range(count):
        enter()
    for step in steps:
        match step:
            case "signal":
                stage.channel.add(bytes([sent]))
                sent += 1
            case "turn":
                stage.turns.flush()
            case "moment":
                stage.turns.pass_by(0.002)
            case "enter":
                enter()
            case "leave" if len(inside) > 1:
                gone.append(inside.pop(sent % len(inside)))
                stage.channel.leave(gone[-1][0])
    stage.turns.pass_by(1)
    assert not stage.turns.waiting
    for member, since in inside:
        assert list(member.heard) == list(range(since, sent))
    for member, since in gone:
        assert list(member.heard) == list(range(since, since + len(member.heard)))
    assert stage.tally.signals_sent == sum(len(member.heard) for member, _ in [*inside, *gone])
