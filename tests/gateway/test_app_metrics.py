"""The collector shows numbers as they are when asked for."""

from msgspec import Struct
from prometheus_client import CollectorRegistry, generate_latest

from gateway.metrics import RequestMetrics, StatisticsCollector


def shown(registry: CollectorRegistry) -> str:
    return generate_latest(registry).decode()


class Numbers(Struct):
    sent: int = 0
    sessions: int = 0
    degraded: bool = False
    closes: dict[str, int] = {}


def collected(numbers: Numbers, *gauges: str) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(StatisticsCollector({"live": lambda: numbers}, frozenset(gauges)))
    return registry


def test_a_statistic_is_read_when_it_is_asked_for() -> None:
    now = Numbers(sessions=5)
    registry = collected(now, "sessions")
    now.sent = 7

    assert "# TYPE bellwire_live_sent_total counter\nbellwire_live_sent_total 7.0" in shown(registry)
    assert "# TYPE bellwire_live_sessions gauge\nbellwire_live_sessions 5.0" in shown(registry)


def test_a_mapping_becomes_a_label() -> None:
    text = shown(collected(Numbers(closes={"drain": 2, "slow": 1})))

    assert 'bellwire_live_closes_total{kind="drain"} 2.0' in text
    assert 'bellwire_live_closes_total{kind="slow"} 1.0' in text


def test_a_state_that_is_true_or_false_is_1_or_0() -> None:
    assert "bellwire_live_degraded 1.0" in shown(collected(Numbers(degraded=True), "degraded"))


def test_requests_are_counted_and_timed_by_route() -> None:
    registry = CollectorRegistry()
    metrics = RequestMetrics(registry)
    metrics.count("/v1/inbox", "GET", 200, 0.004)
    metrics.count("/v1/inbox", "GET", 200, 0.2)

    text = shown(registry)
    assert 'bellwire_http_requests_total{method="GET",route="/v1/inbox",status="200"} 2.0' in text
    assert 'bellwire_http_request_seconds_bucket{le="0.005",route="/v1/inbox"} 1.0' in text
