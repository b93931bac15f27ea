"""How long the loop of a full node stands still: many sessions, entries for random ones of them."""

from bench.gateway.entries import entries
from bench.gateway.node import node
from bench.gateway.rows import lag_of, say
from bench.gateway.sessions import opened
from bench.gateway.tool import Cores, publisher

PER_S = 3_000


def pauses(cores: Cores, sessions: int, seconds: float) -> None:
    """The longest ones are of the last minute, so those while the sessions came are among them."""
    users = [f"full{number}" for number in range(sessions)]
    with node(cores) as target, publisher(cores) as out, target.clients(target.scripts(users)) as tool:
        opened(tool, 0, sessions)
        before = target.metrics()
        answer = entries(target, out, tool, users, PER_S, int(PER_S * seconds))
        after = target.metrics()
    long = after["bellwire_loop_long_pauses_total"] - before["bellwire_loop_long_pauses_total"]
    longest, collection = (after[f"bellwire_loop_longest_{what}_s"] * 1_000 for what in ("pause", "collection"))
    figure = f"{long:.0f} over 50 ms; longest {longest:.0f}, of the collector {collection:.0f} ms"
    say(f"pauses: {sessions:,} sessions, {PER_S:,} entries/s", figure, "none over 50 ms", lag_of(answer))
