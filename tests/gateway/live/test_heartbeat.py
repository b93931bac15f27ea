from gateway.live.heartbeat import TICK_S, Wheel


class Visited:
    """Wants to be visited again after each of ``delays``."""

    def __init__(self, *delays: float) -> None:
        self.slot = -1
        self.delays = list(delays)
        self.at: list[float] = []

    def tend(self, now: float) -> float | None:
        self.at.append(now)
        return self.delays.pop(0) if self.delays else None


def turn(wheel: Wheel[Visited], seconds: float) -> None:
    for tick in range(1, int(seconds / TICK_S) + 1):
        wheel.tick(tick * TICK_S)


def test_a_visit_comes_once_within_a_tick_after_its_time() -> None:
    wheel = Wheel[Visited]()
    visited = [Visited() for _ in range(40)]
    for delay, each in enumerate(visited):
        wheel.put(each, delay + 0.5)
    turn(wheel, 200)
    assert [each.at for each in visited] == [[delay + 0.5 + TICK_S] for delay in range(40)]


def test_it_comes_again_as_long_as_asked_for() -> None:
    wheel, visited = Wheel[Visited](), Visited(24.5, 9.5)
    wheel.put(visited, 0)
    turn(wheel, 200)
    assert visited.at == [TICK_S, 24.5 + 2 * TICK_S, 34 + 3 * TICK_S]


def test_a_time_beyond_the_wheel_is_visited_when_it_has_gone_round() -> None:
    wheel, visited = Wheel[Visited](), Visited()
    wheel.put(visited, 10_000)
    turn(wheel, 64)
    assert visited.at == [64 - TICK_S]


def test_a_visit_can_be_hastened_but_not_delayed() -> None:
    wheel, sooner, later = Wheel[Visited](), Visited(), Visited()
    for each, delay in ((sooner, 2.5), (later, 40.5)):
        wheel.put(each, 20.5)
        wheel.hasten(each, delay)
    turn(wheel, 60)
    assert (sooner.at, later.at) == ([2.5 + TICK_S], [20.5 + TICK_S])


def test_what_was_removed_is_not_visited() -> None:
    wheel, visited = Wheel[Visited](), Visited()
    wheel.put(visited, 5)
    wheel.remove(visited)
    turn(wheel, 64)
    assert visited.at == []


def test_what_is_removed_by_another_visit_of_the_same_tick_is_not_visited() -> None:
    wheel = Wheel[Visited]()

    class Remover(Visited):
        def tend(self, now: float) -> float | None:
            for other in pair:
                wheel.remove(other)
            return super().tend(now)

    pair = [Remover(), Remover()]
    for each in pair:
        wheel.put(each, 0.5)
    turn(wheel, 64)
    assert len(pair[0].at + pair[1].at) == 1


def test_a_visit_that_fails_does_not_stop_the_others() -> None:
    wheel = Wheel[Visited]()

    class Broken(Visited):
        def tend(self, now: float) -> float | None:
            raise RuntimeError("broken")

    sound = [Visited() for _ in range(20)]
    for each in [Broken(), *sound, Broken()]:
        wheel.put(each, 0.5)
    turn(wheel, 2)
    assert all(each.at == [0.5 + TICK_S] for each in sound)
