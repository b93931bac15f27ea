"""Fan-out of signals: one topic, many sessions, an even rate; the CPU of each delivery beside that of bare send()s.

A server that others keep from its core writes several messages at once, and looks cheaper than it is: a run counts only
if its last column says that the core was the server's own.
"""

import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.gateway.node import TOPIC, Node, node, waited_s
from bench.gateway.publisher import Order
from bench.gateway.rivals import RIVALS, running
from bench.gateway.rows import lag_of, middle, ratios, say
from bench.gateway.sessions import opened
from bench.gateway.tool import Cores, Tool, built, cpu_ns, publisher, swarm
from inbox.encode import signal_json
from tests.servers.ports import free_port

DATA_BYTES = 150
PER_S = 100
BURST = 1_000
BURSTS = 3
WAIT_S = 60


class Fan(Struct):
    """One server of the row: the process that is measured, its clients, and how something is sent to all of them."""

    name: str
    pid: int
    tool: Tool
    send: Callable[[int, float], dict[str, float]]
    us: list[float] = []
    answers: list[dict[str, float]] = []
    bursts: list[float] = []
    waited: list[float] = []

    def run(self, sessions: int, seconds: float) -> None:
        """One run at an even rate."""
        before_ns, before_s = cpu_ns(self.pid), waited_s(self.pid)
        _, answer = self._deliver(sessions, int(PER_S * seconds), PER_S)
        self.us.append((cpu_ns(self.pid) - before_ns) / 1_000 / answer["stamped"])
        self.waited.append((waited_s(self.pid) - before_s) / seconds)
        self.answers.append(answer)

    def burst(self, sessions: int, count: int) -> None:
        """One run of ``count`` messages at once: deliveries a second, from the first send to the last socket."""
        began_ns, answer = self._deliver(sessions, count, 0)
        self.bursts.append(answer["stamped"] / ((answer["last_ns"] - began_ns) / 1e9))

    def _deliver(self, sessions: int, count: int, per_s: float) -> tuple[float, dict[str, float]]:
        """Send; when it began, and what the clients counted.

        :raises RuntimeError: a message did not arrive.
        """
        self.tool.ask("clear")
        self.tool.tell(f"wait stamped {count * sessions} {count / (per_s or PER_S) + WAIT_S}")
        sent = self.send(count, per_s)
        answer = self.tool.hear()
        if answer["stamped"] != count * sessions:
            raise RuntimeError(f"{self.name}: not all of {count} x {sessions} messages arrived: {sent} {answer}")
        answer["lag_p99_ms"] = max(answer["lag_p99_ms"], sent.get("late_p99_ms", 0))
        return sent["began_ns"], answer


@contextmanager
def bare(cores: Cores, sessions: int, directory: Path) -> Iterator[Fan]:
    port = free_port()
    floor = Tool([built("floor"), str(port)], cores.server)
    bytes = len(signal_json(TOPIC, b"x" * DATA_BYTES))
    try:
        floor.hear()
        with swarm(port, "/", [""] * sessions, directory, cores) as tool:
            opened(tool, 0, sessions)
            yield Fan("floor", floor.pid, tool, lambda count, per_s: floor.ask(f"run {count} {per_s} {bytes}"))
    finally:
        floor.stop()


@contextmanager
def product(target: Node, out: Tool, sessions: int) -> Iterator[list[Fan]]:
    """The node by its bus, and by its own API: the same clients."""

    def send(count: int, per_s: float) -> dict[str, float]:
        return out.ask(target.order("signals", count=count, per_s=per_s, data_bytes=DATA_BYTES))

    send_posts = partial(_send_posts, out, target.port, target.signal_post())

    with target.clients(target.scripts([f"fan{n}" for n in range(sessions)], subscribe=True)) as tool:
        opened(tool, 0, sessions)
        pid = target.program.pid
        yield [Fan("bellwire", pid, tool, send), Fan("bellwire by POST", pid, tool, send_posts)]


@contextmanager
def rivals(cores: Cores, out: Tool, sessions: int, directory: Path) -> Iterator[list[Fan]]:
    """Those that are installed, with as many clients of their own."""
    with ExitStack() as stack:
        fans = []
        for rival in RIVALS:
            other = stack.enter_context(running(rival, cores, directory))
            if other is None:
                continue
            scripts = [rival.script] * sessions
            tool = stack.enter_context(swarm(other.port, rival.path, scripts, directory, cores, *rival.beat))
            opened(tool, 0, sessions)
            send = partial(_send_posts, out, other.port, other.post())
            fans.append(Fan(rival.name, other.pid, tool, send))
        yield fans


def _send_posts(out: Tool, port: int, post: str, count: int, per_s: float) -> dict[str, float]:
    return out.ask(msgspec.json.encode(Order("posts", port, count, per_s, DATA_BYTES, post=post)).decode())


def fan_out(cores: Cores, sessions: int, runs: int, seconds: float) -> None:
    with ExitStack() as stack:
        target = stack.enter_context(node(cores))
        out = stack.enter_context(publisher(cores))
        floor = stack.enter_context(bare(cores, sessions, target.directory))
        ours, by_post = stack.enter_context(product(target, out, sessions))
        fans = [floor, ours, by_post, *stack.enter_context(rivals(cores, out, sessions, target.directory))]
        # Side by side: what disturbs the machine disturbs all of them.
        for _ in range(runs):
            for fan in fans:
                fan.run(sessions, seconds)
        for fan in fans:
            _report(fan, floor, ours)
        for _ in range(min(runs, BURSTS)):
            for fan in fans:
                fan.burst(sessions, BURST)
        for fan in fans:
            bar = ">= 2,000,000/s" if fan is ours else ""
            times = middle(ratios(ours.bursts, fan.bursts))
            say(f"burst of {BURST:,}: {fan.name}", f"{middle(fan.bursts, ',.0f')}/s; bellwire {times} x", bar)


def _report(fan: Fan, floor: Fan, ours: Fan) -> None:
    bars = ("<= 1.35 x floor", "p99 <= 15 ms") if fan is ours else ("", "")
    lag = lag_of(*fan.answers, waited=statistics.median(fan.waited))
    by_floor = f"{middle(ratios(fan.us, floor.us))} x floor"
    by_fan = "" if fan in (floor, ours) else f"; bellwire {middle(ratios(ours.us, fan.us))} x"
    say(f"a delivery: {fan.name}", f"{middle(fan.us)} us, {by_floor}{by_fan}", bars[0], lag)
    p50, p99 = ([answer[name] for answer in fan.answers] for name in ("p50_ms", "p99_ms"))
    say("  latency", f"p50 {middle(p50)}  p99 {middle(p99)} ms", bars[1])
