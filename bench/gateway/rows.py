"""The lines of the table, and the arithmetic behind them."""

import os
import statistics
from collections.abc import Sequence


def say(what: str, figure: str, bar: str = "", lag: str = "") -> None:
    os.write(1, f"{what:<42} {figure:<62} {bar:<26} {lag}\n".rstrip().encode() + b"\n")


def middle(values: Sequence[float], form: str = ",.2f") -> str:
    """The median, and the range if there is one."""
    median = format(statistics.median(values), form)
    if len(values) == 1:
        return median
    return f"{median} ({min(values):{form}}-{max(values):{form}})"


def ratios(values: Sequence[float], floors: Sequence[float]) -> list[float]:
    """Each of ``values`` by the one of ``floors`` that was measured beside it."""
    return [value / floor for value, floor in zip(values, floors, strict=True)]


def lag_of(*answers: dict[str, float], waited: float | None = None) -> str:
    """How late the generator was, what it used of its core, and the share of time in which others had the server's."""
    late_ms = max(answer["lag_p99_ms"] for answer in answers)
    share = max(answer["cpu_share"] for answer in answers)
    others = "" if waited is None else f"; others on the server's {waited:.0%}"
    return f"late p99 {late_ms:.1f} ms, {share:.0%} of a core{others}"
