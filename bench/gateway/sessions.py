"""What sessions cost: memory of one that is idle, and time to accept, authenticate, resume and subscribe one."""

from pathlib import Path
from statistics import median

from msgspec import Struct

from bench.gateway.node import node, usage
from bench.gateway.rivals import RIVALS, Running, running
from bench.gateway.rows import lag_of, middle, say
from bench.gateway.tool import Cores, Tool, swarm

WARM = 200
AT_ONCE = 100


class Opening(Struct, frozen=True):
    """What it took to open a session, on average of many, in the server and by the clock."""

    cpu_us: float
    per_s: float
    rss_kb: float
    pss_kb: float
    waited: float
    answer: dict[str, float]


def opened(tool: Tool, first: int, count: int, at_once: int = AT_ONCE) -> dict[str, float]:
    """Open sessions.

    :raises RuntimeError: not all of them could be, or what should resume did not.
    """
    before = tool.ask("clear")["open"]
    answer = tool.ask(f"open {first} {count} {at_once}")
    if answer["open"] - before != count or answer["gaps"]:
        raise RuntimeError(f"not all of {count} sessions opened, or resumed: {answer}")
    return answer


def opening(pid: int, tool: Tool, sessions: int) -> Opening:
    """Open ``sessions`` after the warm ones, and see what it costs the process ``pid``."""
    before = usage(pid)
    answer = opened(tool, WARM, sessions)
    after = usage(pid)
    return Opening(
        (after.cpu_s - before.cpu_s) * 1e6 / sessions,
        sessions / answer["took_s"],
        (after.rss_kb - before.rss_kb) / sessions,
        (after.pss_kb - before.pss_kb) / sessions,
        after.waited_since(before),
        answer,
    )


def idle_and_accepts(cores: Cores, sessions: int, runs: int) -> None:
    """The memory is that of the first run: later ones find what earlier ones left."""
    with node(cores) as target:
        users = [f"idle{number}" for number in range(WARM + sessions)]
        with target.clients(target.scripts(users)) as tool:
            opened(tool, 0, WARM)
            openings = [opening(target.program.pid, tool, sessions)]
            for _ in range(runs - 1):
                tool.ask(f"close {WARM} {sessions}")
                target.settle(lambda seen: seen["bellwire_live_sessions"] == WARM)
                openings.append(opening(target.program.pid, tool, sessions))
        _report("bellwire", openings, sessions, "<= 6 KB", ">= 2,500/s")
        for rival in RIVALS:
            with running(rival, cores, target.directory) as other:
                if other is not None:
                    _rival(other, cores, target.directory, sessions, openings)


def _rival(other: Running, cores: Cores, directory: Path, sessions: int, ours: list[Opening]) -> None:
    """The same with one that asks nobody who he is, and keeps nothing to resume from."""
    rival = other.rival
    scripts = [rival.script] * (WARM + sessions)
    with swarm(other.port, rival.path, scripts, directory, cores, *rival.beat) as tool:
        opened(tool, 0, WARM)
        theirs = opening(other.pid, tool, sessions)
    memory, cost = ours[0].rss_kb / theirs.rss_kb, median(run.cpu_us for run in ours) / theirs.cpu_us
    _report(rival.name, [theirs], sessions)
    say(f"  bellwire by {rival.name}", f"memory {memory:.2f} x, CPU {cost:.2f} x (token, resume and store included)")


def _report(name: str, openings: list[Opening], sessions: int, memory_bar: str = "", rate_bar: str = "") -> None:
    lag = lag_of(*(run.answer for run in openings), waited=median(run.waited for run in openings))
    memory = f"{openings[0].rss_kb:.2f} KB RSS, {openings[0].pss_kb:.2f} KB PSS, of each of {sessions:,}"
    costs = [run.cpu_us for run in openings]
    say(f"idle memory of a session: {name}", memory, memory_bar)
    rate, put_off = middle([run.per_s for run in openings], ",.0f"), sum(run.answer["refused"] for run in openings)
    say(f"accepted and ready: {name}", f"{rate} /s, {put_off:.0f} of them put off at first", rate_bar, lag)
    say("  by its CPU", f"{middle([1e6 / us for us in costs], ',.0f')} /s a core, {middle(costs, '.0f')} us", rate_bar)
