from gateway.rate import Rate

RATE = Rate(per_s=10, burst=5)


def admitted(times: list[float]) -> int:
    due, count = 0.0, 0
    for now in times:
        charged = RATE.charge(due, now)
        if charged is not None:
            due, count = charged, count + 1
    return count


def test_a_burst_is_admitted_and_no_more() -> None:
    assert admitted([100.0] * 50) == 5


def test_the_even_rate_is_admitted_for_ever() -> None:
    assert admitted([100 + number / 10 for number in range(1_000)]) == 1_000


def test_twice_the_rate_is_halved() -> None:
    assert 500 <= admitted([100 + number / 20 for number in range(1_000)]) <= 510


def test_what_was_refused_does_not_count() -> None:
    assert admitted([100.0] * 50 + [100.5] * 50) == 10


def test_what_is_left_is_what_is_admitted() -> None:
    due = 0.0
    for left in (5, 4, 3, 2, 1):
        assert RATE.left(due, 100.0) == left
        due = RATE.charge(due, 100.0) or 0.0
    assert RATE.left(due, 100.0) == 0
    assert RATE.left(due, 100.22) == 2


def test_after_the_wait_one_more_is_admitted_and_not_before() -> None:
    due = 0.0
    while charged := RATE.charge(due, 100.0):
        due = charged
    wait_s = RATE.wait_s(due, 100.0)

    assert RATE.charge(due, 100.0 + wait_s) is not None
    assert RATE.charge(due, 100.0 + wait_s - 0.06) is None
