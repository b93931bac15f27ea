"""Churn: connections that come and go, and whether anything of them stays."""

from bench.gateway.node import Node, Usage, node
from bench.gateway.rows import lag_of, say
from bench.gateway.tool import Cores, Tool

SLOTS = 200


def churn(cores: Cores, total: int) -> None:
    """The first tenth is not counted: it fills caches that are bounded."""
    counted = total - total // 2
    users = [f"churn{number}" for number in range(SLOTS)]
    with node(cores) as target, target.clients(target.scripts(users)) as tool:
        begun, _ = _round(target, tool, total // 10)
        half, _ = _round(target, tool, total - total // 10 - counted)
        ended, answer = _round(target, tool, counted)
        subscriptions = target.metrics()["bellwire_bus_subscriptions"]
    memory = " -> ".join(f"{usage.rss_kb / 1024:.1f}" for usage in (begun, half, ended))
    figure = f"{memory} MB, {begun.files} -> {ended.files} files, {subscriptions:.0f} subscriptions"
    say(f"{total:,} connects and closes", figure, "back to the beginning", lag_of(answer))
    cost_us = (ended.cpu_s - half.cpu_s) * 1e6 / counted
    say("  and how fast", f"{counted / answer['took_s']:,.0f} /s, {cost_us:.0f} us each")


def _round(target: Node, tool: Tool, count: int) -> tuple[Usage, dict[str, float]]:
    """``count`` connects and closes; what the node uses when nobody is connected any more."""
    tool.ask("clear")
    answer = tool.ask(f"churn 0 {SLOTS} {count}")
    target.settle(lambda seen: seen["bellwire_live_sessions"] == 0 and seen["bellwire_bus_subscriptions"] == 0)
    return target.usage(), answer
