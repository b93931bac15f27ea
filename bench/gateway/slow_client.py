"""One client among many that never reads: what the others notice of it, what it costs, and when it is gone."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from msgspec import Struct

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


class Scene(Struct, frozen=True):
    """The node, what publishes to all and to the one, and the clients; the one is the first of them."""

    target: Node
    to_all: Tool
    to_one: Tool
    tool: Tool
    users: list[str]

    def play(self, seconds: float, seq: int, readers: int) -> tuple[dict[str, float], float, int]:
        """The same load with and without it.

        :param seq: where the stream of the one stands.
        :returns: what the clients saw, until the one was gone; when the node had a file fewer (infinite: never); the
            most memory it took (kB).
        """
        count = int(PER_S * seconds)
        one = self.target.order(
            "entries", count=count, per_s=PER_S, data_bytes=ENTRY_BYTES, users=(self.users[0],), seq=seq
        )
        self.tool.ask("clear")
        self.to_one.tell(one)
        self.to_all.tell(self.target.order("signals", count=count, per_s=PER_S, data_bytes=DATA_BYTES))
        seen, gone_s, most_kb = self._watch(seconds)
        self.to_one.hear()
        self.to_all.hear()
        whole = self.tool.ask(f"wait stamped {count * readers} 10")
        return seen or whole, gone_s, most_kb

    def _watch(self, seconds: float) -> tuple[dict[str, float], float, int]:
        files = self.target.files()
        seen: dict[str, float] = {}
        began, gone_s, most_kb = time.monotonic(), float("inf"), 0
        while (passed_s := time.monotonic() - began) < seconds:
            most_kb = max(most_kb, self.target.program.rss_kb())
            if not seen and self.target.files() < files:
                seen, gone_s = self.tool.ask("wait stamped 1 10"), passed_s
            time.sleep(SAMPLE_S)
        return seen, gone_s, most_kb


@contextmanager
def scene(cores: Cores, sessions: int) -> Iterator[Scene]:
    users = [f"fan{number}" for number in range(sessions)]
    with ExitStack() as stack:
        target = stack.enter_context(node(cores))
        to_all, to_one = (stack.enter_context(publisher(cores)) for _ in range(2))
        tool = stack.enter_context(target.clients(target.scripts(users, subscribe=True)))
        opened(tool, 0, sessions)
        yield Scene(target, to_all, to_one, tool, users)


def slow_client(cores: Cores, sessions: int, calm_s: float) -> None:
    with scene(cores, sessions) as now:
        without, _, _ = now.play(2 * calm_s, 0, sessions + 1)
        before = now.target.usage()
        now.tool.ask("deaf 0 1")
        beside, gone_s, most_kb = now.play(DEAF_S, int(PER_S * 2 * calm_s), sessions - 1)
        waited = now.target.usage().waited_since(before)
    ratio = beside["p99_ms"] / without["p99_ms"]
    figure = f"p99 {beside['p99_ms']:.1f} ms, without it {without['p99_ms']:.1f}: {ratio:.2f} x"
    say(f"one of {sessions:,} never reads: the others", figure, "<= 1.2 x", lag_of(without, beside, waited=waited))
    grown = f"+{(most_kb - before.rss_kb) / 1024:.1f} MB"
    say("  the node", f"{grown}, client gone after {gone_s:.1f} s", "<= +5 MB, <= 30 s")
