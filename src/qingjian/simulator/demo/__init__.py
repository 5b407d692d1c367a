"""The demo county: its registry, its replayed measurements, its history."""

from qingjian.simulator.demo.county import base_map, county
from qingjian.simulator.demo.datasets import attribution, datasets, national_sections
from qingjian.simulator.demo.history import Original, history, original_time, recorder, shown_twice
from qingjian.simulator.demo.replay import Position, Span, add_years, position
from qingjian.simulator.demo.samples import sampled, samples

__all__ = [
    "Original",
    "Position",
    "Span",
    "add_years",
    "attribution",
    "base_map",
    "county",
    "datasets",
    "history",
    "national_sections",
    "original_time",
    "position",
    "recorder",
    "sampled",
    "samples",
    "shown_twice",
]
