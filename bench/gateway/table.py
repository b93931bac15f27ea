"""The rows in order."""

from msgspec import Struct

from bench.gateway.fan_out import fan_out
from bench.gateway.rows import say
from bench.gateway.sessions import idle_and_accepts
from bench.gateway.tool import Cores


class Size(Struct, frozen=True):
    """How much of each load."""

    idle: int
    accept_runs: int
    sessions: int
    runs: int
    run_s: float


FULL = Size(idle=15_000, accept_runs=3, sessions=1_000, runs=5, run_s=5.0)
QUICK = Size(idle=2_000, accept_runs=1, sessions=200, runs=1, run_s=2.0)


def gateway_table(size: Size) -> None:
    """
    :raises NoCompiler: the load generator cannot be built.
    """
    cores = Cores()
    say("gateway", f"server on {cores.server}, redis-server on {cores.redis}, load on {cores.load}", "bar", "generator")
    idle_and_accepts(cores, size.idle, size.accept_runs)
    fan_out(cores, size.sessions, size.runs, size.run_s)
