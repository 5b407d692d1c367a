"""Numbers of one gateway process, counted as plain integers and shown to Prometheus when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector


@dataclass(slots=True)
class Counters:
    """Grow only, from the start of the process."""

    connections_opened: int = 0
    connections_refused: int = 0
    """Turned away at the door: allow-list or number of connections."""
    connections_closed_idle: int = 0
    connections_closed_half_frame: int = 0
    connections_closed_slow_reader: int = 0
    connections_replaced: int = 0
    """Closed because the device connected anew."""
    frames_accepted: int = 0
    frames_refused: int = 0
    frames_unregistered: int = 0
    samples_dropped: int = 0
    """Refused or unknown bytes counted but not kept."""
    acknowledgements: int = 0
    frames_sent: int = 0
    reading_delayed: int = 0
    """Times a connection was not read for a while (rate, disk, slow reader)."""
    commands_sent: int = 0
    commands_ended: int = 0
    errors: int = 0
    """Unexpected errors that cost one connection."""
    bytes_received: int = 0


class _Numbers(Collector):
    def __init__(self, name: str, counters: Counters, gauges: Callable[[], Mapping[str, float]]) -> None:
        self._name = name
        self._counters = counters
        self._gauges = gauges

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        for one in fields(self._counters):
            text = one.name.replace("_", " ")
            counter = CounterMetricFamily(f"qingjian_gateway_{one.name}", text, labels=["gateway"])
            counter.add_metric([self._name], getattr(self._counters, one.name))
            yield counter
        for name, value in self._gauges().items():
            gauge = GaugeMetricFamily(f"qingjian_gateway_{name}", name.replace("_", " "), labels=["gateway"])
            gauge.add_metric([self._name], value)
            yield gauge


def registry_of(
    name: str, counters: Counters, gauges: Callable[[], Mapping[str, float]]
) -> CollectorRegistry:
    """Return a Prometheus registry that reads the numbers when it is scraped."""
    registry = CollectorRegistry()
    registry.register(_Numbers(name, counters, gauges))
    return registry
