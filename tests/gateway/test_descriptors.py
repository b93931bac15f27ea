"""What a process makes of few descriptors."""

import pytest

from gateway.descriptors import within
from gateway.settings import LIMITS


def test_where_there_are_plenty_the_limits_hold() -> None:
    assert within(LIMITS, 1_000_000) == LIMITS


@pytest.mark.parametrize("descriptors", [256, 1_024, 4_096, 20_000, 65_536, 120_000])
def test_where_they_are_few_something_is_left_for_everybody(descriptors: int) -> None:
    limits = within(LIMITS, descriptors)
    assert descriptors / 2 < limits.sessions_per_node < limits.connections
    assert limits.connections_waiting > 0
    assert min(256, descriptors // 4) <= descriptors - limits.connections - limits.connections_waiting


def test_as_many_sessions_as_the_readme_says() -> None:
    assert within(LIMITS, 20_000).sessions_per_node // 1_000 == 16
    assert within(LIMITS, 118_000).sessions_per_node == LIMITS.sessions_per_node
