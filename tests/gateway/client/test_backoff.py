"""Pauses before connecting again."""

import random

from gateway.client.backoff import FIRST_S, LONGEST_S, Backoff


def test_even_the_first_pause_is_spread_over_its_whole_bound() -> None:
    pauses = [Backoff(random.Random(seed)).next_s() for seed in range(500)]
    assert min(pauses) < 0.1 * FIRST_S
    assert 0.9 * FIRST_S < max(pauses) <= FIRST_S


def test_pauses_grow_up_to_a_bound_and_stay_there() -> None:
    backoff = Backoff(random.Random(1))
    pauses = [backoff.next_s() for _ in range(200)]
    assert 0.9 * LONGEST_S < max(pauses) <= LONGEST_S


def test_a_reset_starts_over_with_short_pauses() -> None:
    backoff = Backoff(random.Random(1))
    for _ in range(20):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= FIRST_S


def test_a_pause_the_server_asked_for_begins_after_its_minimum() -> None:
    backoff = Backoff(random.Random(1))
    pauses = [backoff.asked_s(1_200, 8_000) for _ in range(500)]
    assert 1.2 <= min(pauses) < 2
    assert 8.5 < max(pauses) <= 9.2
