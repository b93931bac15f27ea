"""What sessions cost: memory of one that is idle, and time to accept, authenticate, resume and subscribe one."""

from pathlib import Path
from statistics import median

from msgspec import Struct

from bench.gateway.node import Usage, node, usage
from bench.gateway.rivals import RIVALS, Running, running
from bench.gateway.rows import lag_of, middle, say
from bench.gateway.tool import Cores, Tool, swarm

WARM = 200
AT_ONCE = 100


class Opening(Struct, frozen=True):
    """What it took to open ``sessions``, in the server and by the clock."""

    sessions: int
    before: Usage
    after: Usage
    answer: dict[str, float]

    @property
    def cpu_us(self) -> float:
        """Of one session; so are the next two."""
        return (self.after.cpu_s - self.before.cpu_s) * 1e6 / self.sessions

    @property
    def rss_kb(self) -> float:
        return (self.after.rss_kb - self.before.rss_kb) / self.sessions

    @property
    def pss_kb(self) -> float:
        return (self.after.pss_kb - self.before.pss_kb) / self.sessions

    @property
    def per_s(self) -> float:
        return self.sessions / self.answer["took_s"]


def opened(tool: Tool, first: int, count: int, at_once: int = AT_ONCE) -> dict[str, float]:
    """Open sessions.

    :raises RuntimeError: not all of them could be, or what should resume did not.
    """
    before = tool.ask("clear")["open"]
    answer = tool.ask(f"open {first} {count} {at_once}")
    if answer["open"] - before != count or answer["gaps"]:
        raise RuntimeError(f"not all of {count} sessions opened, or resumed: {answer}")
    return answer


def opening(pid: int, tool: Tool, first: int, sessions: int) -> Opening:
    """Open ``sessions``, and see what it costs the process ``pid``."""
    before = usage(pid)
    answer = opened(tool, first, sessions)
    return Opening(sessions, before, usage(pid), answer)


def filling(pid: int, tool: Tool, sessions: int) -> tuple[Opening, Opening]:
    """Open ``sessions`` after the warm ones; and the last third of them, which finds no memory that was free before."""
    part = sessions // 3
    start = opening(pid, tool, WARM, sessions - part)
    end = opening(pid, tool, WARM + sessions - part, part)
    answer = {name: max(start.answer[name], end.answer[name]) for name in start.answer}
    for name in ("took_s", "refused"):
        answer[name] = start.answer[name] + end.answer[name]
    return Opening(sessions, start.before, end.after, answer), end


def idle_and_accepts(cores: Cores, sessions: int, runs: int) -> None:
    """The memory is that of the first run: later ones find what earlier ones left."""
    with node(cores) as target:
        users = [f"idle{number}" for number in range(WARM + sessions)]
        with target.clients(target.scripts(users)) as tool:
            opened(tool, 0, WARM)
            full, end = filling(target.program.pid, tool, sessions)
            openings = [full]
            for _ in range(runs - 1):
                tool.ask(f"close {WARM} {sessions}")
                target.settle(lambda seen: seen["bellwire_live_sessions"] == WARM)
                openings.append(opening(target.program.pid, tool, WARM, sessions))
        _report("bellwire", openings, end, "<= 6 KB", ">= 2,500/s")
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
        theirs, end = filling(other.pid, tool, sessions)
    memory, cost = ours[0].rss_kb / theirs.rss_kb, median(run.cpu_us for run in ours) / theirs.cpu_us
    _report(rival.name, [theirs], end)
    say(f"  bellwire by {rival.name}", f"memory {memory:.2f} x, CPU {cost:.2f} x (token, resume and store included)")


def _report(name: str, openings: list[Opening], end: Opening, memory_bar: str = "", rate_bar: str = "") -> None:
    full = openings[0]
    waited = median(run.after.waited_since(run.before) for run in openings)
    lag = lag_of(*(run.answer for run in openings), waited=waited)
    memory = f"{full.rss_kb:.2f} KB RSS, {full.pss_kb:.2f} PSS at {full.sessions:,}; {end.rss_kb:.2f} of the last third"
    say(f"idle memory of a session: {name}", memory, memory_bar)
    costs = [run.cpu_us for run in openings]
    rate, put_off = middle([run.per_s for run in openings], ",.0f"), sum(run.answer["refused"] for run in openings)
    say(f"accepted and ready: {name}", f"{rate} /s, {put_off:.0f} of them put off at first", rate_bar, lag)
    say("  by its CPU", f"{middle([1e6 / us for us in costs], ',.0f')} /s a core, {middle(costs, '.0f')} us", rate_bar)
