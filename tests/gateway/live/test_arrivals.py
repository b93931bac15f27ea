"""Who may come in, and the rate that a node measures. Time passes only as the tests say."""

from msgspec.structs import replace

from gateway.live.arrivals import Arrivals
from gateway.live.codes import CloseCode
from gateway.live.statistics import Tally
from gateway.settings import LIMITS

HOME, OFFICE = b"home", b"office"


class Clock:
    worked_s = 0.0


def arrivals(**limits: float) -> tuple[Arrivals, Tally, Clock]:
    changed = replace(LIMITS, **limits)
    tally, clock = Tally(changed.welcomes_per_s), Clock()
    return Arrivals(changed, tally, lambda: clock.worked_s), tally, clock


def test_a_full_node_lets_nobody_in_until_somebody_goes() -> None:
    door, tally, _ = arrivals(sessions_per_node=2)
    door.enter(HOME)
    door.enter(OFFICE)
    assert door.refusal(HOME, 0.0) == ("this node holds all the sessions it may", LIMITS.full_retry_s)
    door.leave(OFFICE)
    assert door.refusal(HOME, 0.0) is None
    assert (tally.sessions, tally.turned_away) == (1, 1)


def test_an_address_with_all_its_sessions_shuts_out_nobody_else() -> None:
    door, _, _ = arrivals(sessions_per_address=1)
    door.enter(HOME)
    refusal = door.refusal(HOME, 0.0)
    assert refusal is not None
    assert "address" in refusal[0]
    assert door.refusal(OFFICE, 0.0) is None
    door.leave(HOME)
    assert door.refusal(HOME, 0.0) is None


def test_who_comes_while_too_many_wait_gets_a_slot_each() -> None:
    door, _, _ = arrivals(welcomes_per_s=10, welcome_wait_s=0.5, return_after_s=1.0)
    for _ in range(5):
        door.begin()
    assert door.is_crowded()
    refused = [door.refusal(HOME, 100.0) for _ in range(3)]
    assert [round(each[1], 3) for each in refused if each] == [1.1, 1.2, 1.3]
    door.end()
    assert door.refusal(HOME, 100.0) is None


def test_slots_that_have_passed_are_not_waited_for() -> None:
    door, _, _ = arrivals(welcomes_per_s=10, return_after_s=1.0)
    assert round(door.next_slot_s(100.0), 3) == 1.1
    assert round(door.next_slot_s(200.0), 3) == 1.1


def test_after_the_last_slot_the_first_are_given_again() -> None:
    door, _, _ = arrivals(welcomes_per_s=10, return_after_s=1.0, slots_s=1.35)
    given = [round(door.next_slot_s(100.0), 3) for _ in range(7)]
    assert given == [1.1, 1.2, 1.3, 1.1, 1.2, 1.3, 1.1]


def test_only_those_who_could_not_be_welcomed_take_a_slot() -> None:
    door, _, _ = arrivals(welcomes_per_s=10)
    pauses = {code: [door.pause_s(code) for _ in range(3)] for code in CloseCode if code is not CloseCode.DRAIN}
    slots = pauses.pop(CloseCode.CANNOT_VERIFY)
    assert [round(after_s, 1) for after_s, _ in slots] == [1.1, 1.2, 1.3]
    assert {pause for each in pauses.values() for pause in each} == {(LIMITS.return_after_s, LIMITS.return_spread_s)}


def test_the_rate_is_what_the_work_of_a_second_would_allow() -> None:
    door, tally, clock = arrivals(welcomes_per_s=1_000)
    for second in range(1, 40):
        door.measure(float(second))
        tally.resumed += 500
        clock.worked_s += 0.2
    assert round(tally.welcomes_per_s, -1) == 2_500


def test_while_somebody_always_waits_it_is_what_came_in() -> None:
    """A slow store lets nobody work: then it is not the work that decides."""
    door, tally, clock = arrivals(welcomes_per_s=1_000)
    door.begin()
    for second in range(1, 40):
        door.measure(float(second))
        tally.snapshots += 100
        clock.worked_s += 0.01
    assert round(tally.welcomes_per_s) == 100


def test_a_second_in_which_few_came_says_nothing() -> None:
    door, tally, clock = arrivals(welcomes_per_s=1_000)
    for second in range(1, 40):
        door.measure(float(second))
        tally.resumed += 3
        clock.worked_s += 0.9
    assert tally.welcomes_per_s == 1_000


def test_all_who_are_sent_away_by_a_node_that_ends_have_time_enough() -> None:
    door, tally, _ = arrivals(welcomes_per_s=1_000, return_after_s=1.0, return_spread_s=4.0)
    tally.sessions = 30_000
    assert door.pause_s(CloseCode.DRAIN) == (1.0, 30.0)
    tally.sessions = 3
    assert door.pause_s(CloseCode.DRAIN) == (1.0, 4.0)
