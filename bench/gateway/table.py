"""The rows in order."""

import os

from msgspec import Struct

from bench.gateway.churn import churn
from bench.gateway.entries import direct, notification
from bench.gateway.fan_out import fan_out
from bench.gateway.pauses import pauses
from bench.gateway.rows import say
from bench.gateway.sessions import idle_and_accepts
from bench.gateway.slow_client import slow_client
from bench.gateway.storm import storm
from bench.gateway.tool import Cores


class Size(Struct, frozen=True):
    """How much of each load; times in seconds."""

    idle: int
    accept_runs: int
    sessions: int
    runs: int
    run_s: float
    streams: int
    direct_per_s: int
    calm_s: float
    churn: int


FULL = Size(15_000, 3, 1_000, 5, 5.0, 10_000, 5_000, 10.0, 200_000)
QUICK = Size(2_000, 1, 200, 1, 2.0, 1_000, 500, 2.0, 2_000)


def gateway_table(size: Size) -> None:
    """
    :raises NoCompiler: the load generator cannot be built.
    """
    cores = Cores()
    os.sched_setaffinity(0, cores.load)
    say("gateway", f"server on {cores.server}, redis-server on {cores.redis}, load on {cores.load}", "bar", "generator")
    idle_and_accepts(cores, size.idle, size.accept_runs)
    fan_out(cores, size.sessions, size.runs, size.run_s)
    pauses(cores, size.idle, 2 * size.calm_s)
    direct(cores, size.streams, size.direct_per_s, size.runs, size.run_s)
    notification(cores, size.sessions, size.runs)
    storm(cores, size.streams, size.calm_s)
    slow_client(cores, size.sessions, size.calm_s)
    churn(cores, size.churn)
