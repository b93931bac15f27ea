"""What a process counts, in Prometheus' text format. No label ever holds an id that came from outside."""

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import asdict
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class RequestMetrics:
    """Requests answered, by route, method and status, and how long they took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            "bellwire_http_requests", "Requests answered", ("route", "method", "status"), registry=registry
        )
        self._took = Histogram(
            "bellwire_http_request_seconds", "Time to answer", ("route",), registry=registry, buckets=_BUCKETS_S
        )
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, route: str, method: str, status: int, took_s: float) -> None:
        key = (route, method, status)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = (self._answers.labels(route, method, str(status)), self._took.labels(route))
        found[0].inc()
        found[1].observe(took_s)


class StatisticsCollector(Collector):
    """Shows the ``statistics()`` of the parts of a process at the moment they are asked for.

    :param sources: by prefix, what gives the numbers of one part; a mapping among its fields becomes a label.
    :param gauges: the names that go up and down; the others only grow.
    """

    def __init__(self, sources: Mapping[str, Callable[[], Struct]], gauges: frozenset[str]) -> None:
        self._sources = sources
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        for prefix, read in self._sources.items():
            for name, sample in asdict(read()).items():
                kind = GaugeMetricFamily if name in self._gauges else CounterMetricFamily
                labelled = isinstance(sample, Mapping)
                family = kind(f"bellwire_{prefix}_{name}", f"{prefix}: {name}", labels=["kind"] if labelled else [])
                for label, value in sample.items() if isinstance(sample, Mapping) else [(None, sample)]:
                    family.add_metric([str(label)] if labelled else [], value)
                yield family
