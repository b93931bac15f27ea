"""Entries to single users: straight from the bus at an even rate, and one notification to many, from its request on."""

import time
from http.client import HTTPConnection
from statistics import median

from bench.gateway.node import Node, node
from bench.gateway.rows import lag_of, middle, say
from bench.gateway.sessions import opened
from bench.gateway.tool import Cores, Tool, publisher

DATA_BYTES = 150
WAIT_S = 30


def direct(cores: Cores, sessions: int, per_s: int, runs: int, seconds: float) -> None:
    """Entries to random users. They are in no store: the head check finds every session ahead of it, never behind."""
    users = [f"direct{number}" for number in range(sessions)]
    with node(cores) as target, publisher(cores) as out, target.clients(target.scripts(users)) as tool:
        opened(tool, 0, sessions)
        shares, waits, answers = [], [], []
        for run in range(runs):
            # A second run would have to go on where each stream stands, so each has its own part of the users.
            part = users[run * sessions // runs : (run + 1) * sessions // runs]
            before = target.usage()
            answers.append(entries(target, out, tool, part, per_s, int(per_s * seconds)))
            after = target.usage()
            shares.append((after.cpu_s - before.cpu_s) / (after.at - before.at) * 100)
            waits.append(after.waited_since(before))
        late = [answer["p99_ms"] for answer in answers]
        figure = f"p99 {middle(late)} ms, {middle(shares, '.0f')} % of a core"
        say(
            f"direct: {per_s:,}/s to {sessions:,} sessions",
            figure,
            "p99 <= 20 ms, <= 25 %",
            lag_of(*answers, waited=median(waits)),
        )


def entries(target: Node, out: Tool, tool: Tool, users: list[str], per_s: int, count: int) -> dict[str, float]:
    """
    :raises RuntimeError: an entry did not arrive, or not in order.
    """
    tool.ask("clear")
    tool.tell(f"wait stamped {count} {count / per_s + WAIT_S}")
    sent = out.ask(target.order("entries", count=count, per_s=per_s, data_bytes=DATA_BYTES, users=tuple(users)))
    answer = tool.hear()
    if answer["stamped"] != count or answer["gaps"]:
        raise RuntimeError(f"not all of {count} entries arrived in order: {sent} {answer}")
    return {**answer, "lag_p99_ms": max(answer["lag_p99_ms"], sent["late_p99_ms"])}


def notification(cores: Cores, sessions: int, runs: int) -> None:
    """One request, one item and one entry for each of the connected: when the last of them has it."""
    users = [f"reader{number}" for number in range(sessions)]
    with node(cores) as target, target.clients(target.scripts(users)) as tool:
        opened(tool, 0, sessions)
        wire, token = HTTPConnection("127.0.0.1", target.port), target.token()
        answers = []
        for run in range(runs + 1):
            tool.ask("clear")
            tool.tell(f"wait stamped {sessions} {WAIT_S}")
            target.publish(wire, token, users, f"@{time.monotonic_ns():019d}")
            answer = tool.hear()
            if answer["stamped"] != sessions:
                raise RuntimeError(f"not all of {sessions} were notified: {answer}")
            # The first request pays for what all share.
            answers += [answer] if run else []
        wire.close()
        last, half = ([answer[name] for answer in answers] for name in ("max_ms", "p50_ms"))
        figure = f"last socket {middle(last, '.0f')} ms, half of them {middle(half, '.0f')} ms"
        say(f"one notification to {sessions:,} connected", figure, "<= 150 ms", lag_of(*answers))
