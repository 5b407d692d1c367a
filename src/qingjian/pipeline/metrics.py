"""Numbers of the pipeline for Prometheus and for the status file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

_GAUGES = frozenset({"behind_frames", "behind_seconds", "frames_per_second", "batch"})


class _Numbers(Collector):
    def __init__(self, numbers: Callable[[], Mapping[str, float]]) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        for name, value in self._numbers().items():
            text = name.replace("_", " ")
            family: CounterMetricFamily | GaugeMetricFamily
            if name in _GAUGES:
                family = GaugeMetricFamily(f"qingjian_pipeline_{name}", text)
            else:
                family = CounterMetricFamily(f"qingjian_pipeline_{name}", text)
            family.add_metric([], value)
            yield family


def registry_of(numbers: Callable[[], Mapping[str, float]]) -> CollectorRegistry:
    """Return a Prometheus registry that reads the numbers when it is scraped."""
    registry = CollectorRegistry()
    registry.register(_Numbers(numbers))
    return registry
