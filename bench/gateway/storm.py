"""The resume storm: everybody comes back at once, each with entries missed, while others stay connected."""

from http.client import HTTPConnection
from pathlib import Path

from bench.gateway.node import Node, node
from bench.gateway.rows import lag_of, say
from bench.gateway.sessions import opened
from bench.gateway.tool import Cores, Tool, publisher

STAYED = 200
MISSED = 20
PER_S = 100
DATA_BYTES = 150
STORM_S = 120
RECIPIENTS = 1_000


def storm(cores: Cores, sessions: int, calm_s: float) -> None:
    users = [f"back{number}" for number in range(sessions)]
    stayed = [f"stayed{number}" for number in range(STAYED)]
    with node(cores) as target, publisher(cores) as out:
        _miss(target, users)
        scripts = target.scripts(stayed, subscribe=True) + target.scripts(users)
        with target.clients(scripts) as tool:
            opened(tool, 0, STAYED)
            calm = _calm(target, out, tool, calm_s)
            before, dropped = target.usage(), _dropped()
            answer, took_s = _come_back(target, out, tool, sessions)
            waited, dropped = target.usage().waited_since(before), _dropped() - dropped
    caught_up, gaps = answer["caught_up"], answer["gaps"]
    figure = (
        f"{took_s:.1f} s, {sessions - caught_up:.0f} not caught up, {gaps:.0f} gaps, {answer['refused']:.0f} put off"
    )
    say(f"{sessions:,} come back, {MISSED} missed each", figure, "<= 10 s, none lost", lag_of(answer, waited=waited))
    say("  of their attempts", f"{dropped:,} were dropped by a full queue of the kernel: tried again in 1, 3, 7 ... s")
    before_ms, during_ms = calm["p99_ms"], answer["p99_ms"]
    figure = f"p99 {during_ms:.1f} ms, before {before_ms:.1f}: {during_ms / before_ms:.1f} x"
    say(f"  the {STAYED} who stayed", figure, "<= 2 x", lag_of(calm))


def _miss(target: Node, users: list[str]) -> None:
    wire, token = HTTPConnection("127.0.0.1", target.port), target.token()
    for number in range(MISSED):
        for first in range(0, len(users), RECIPIENTS):
            target.publish(wire, token, users[first : first + RECIPIENTS], f"Order {number} shipped")
    wire.close()


def _signals(target: Node, seconds: float) -> str:
    return target.order("signals", count=int(PER_S * seconds), per_s=PER_S, data_bytes=DATA_BYTES)


def _calm(target: Node, out: Tool, tool: Tool, seconds: float) -> dict[str, float]:
    tool.ask("clear")
    out.ask(_signals(target, seconds))
    return tool.ask(f"wait stamped {int(PER_S * seconds) * STAYED} 10")


def _come_back(target: Node, out: Tool, tool: Tool, sessions: int) -> tuple[dict[str, float], float]:
    """What the clients saw, and how long it took until all had everything. Signals flow from before until after."""
    out.tell(_signals(target, STORM_S))
    tool.ask("clear")
    tool.ask(f"wait stamped {PER_S // 2 * STAYED} 10")
    tool.ask("clear")
    took_s = tool.ask(f"open {STAYED} {sessions} {sessions}")["took_s"]
    answer = tool.ask(f"wait caught_up {sessions} {STORM_S}")
    return answer, took_s + answer["took_s"]


def _dropped() -> int:
    """Attempts to connect, to whomever on this machine, that found the listener's queue full."""
    names, values = (line.split() for line in Path("/proc/net/netstat").read_text().splitlines()[:2])
    return int(values[names.index("ListenDrops")])
