"""One client among many that never reads: what the others notice of it, what it costs, and when it is gone."""

import time

from bench.gateway.node import Node, node
from bench.gateway.rows import lag_of, say
from bench.gateway.sessions import opened
from bench.gateway.tool import Cores, Tool, publisher

PER_S = 100
DATA_BYTES = 150
ENTRY_BYTES = 8_000
"""Of the entries for it alone: its share of the signals would fill what the kernels hold only after minutes."""
DEAF_S = 35.0
SAMPLE_S = 0.5


def slow_client(cores: Cores, sessions: int, calm_s: float) -> None:
    users = [f"fan{number}" for number in range(sessions)]
    with (
        node(cores) as target,
        publisher(cores) as out,
        publisher(cores) as own,
        target.clients(target.scripts(users, subscribe=True)) as tool,
    ):
        opened(tool, 0, sessions)
        without = _others(target, out, tool, calm_s, sessions)
        before = target.usage()
        tool.ask("deaf 0 1")
        own.tell(_entries(target, users[0]))
        tool.ask("clear")
        out.tell(_signals(target, DEAF_S))
        gone_s, most_kb = _watch(target, before.files)
        beside = tool.ask(f"wait stamped {int(PER_S * DEAF_S) * (sessions - 1)} {DEAF_S}")
        waited = target.usage().waited_since(before)
    ratio = beside["p99_ms"] / without["p99_ms"]
    figure = f"p99 {beside['p99_ms']:.1f} ms, without it {without['p99_ms']:.1f}: {ratio:.2f} x"
    say(f"one of {sessions:,} never reads: the others", figure, "<= 1.2 x", lag_of(without, beside, waited=waited))
    grown = f"+{(most_kb - before.rss_kb) / 1024:.1f} MB"
    say("  the node", f"{grown}, client gone after {gone_s:.1f} s", "<= +5 MB, <= 30 s")


def _signals(target: Node, seconds: float) -> str:
    return target.order("signals", count=int(PER_S * seconds), per_s=PER_S, data_bytes=DATA_BYTES)


def _entries(target: Node, user: str) -> str:
    count = int(PER_S * DEAF_S)
    return target.order("entries", count=count, per_s=PER_S, data_bytes=ENTRY_BYTES, users=(user,))


def _others(target: Node, out: Tool, tool: Tool, seconds: float, sessions: int) -> dict[str, float]:
    tool.ask("clear")
    out.ask(_signals(target, seconds))
    return tool.ask(f"wait stamped {int(PER_S * seconds) * sessions} 10")


def _watch(target: Node, files: int) -> tuple[float, int]:
    """When the node has one file fewer (infinite: never), and the most memory it took (kB)."""
    began, gone_s, most_kb = time.monotonic(), float("inf"), 0
    while (passed_s := time.monotonic() - began) < DEAF_S:
        most_kb = max(most_kb, target.program.rss_kb())
        if target.files() < files:
            gone_s = min(gone_s, passed_s)
        time.sleep(SAMPLE_S)
    return gone_s, most_kb
