"""What goes into a bundle, by registration: each app says how to collect its part.

A release, a matter or a value range is a list of requests; each names a registered collector and carries
what that collector understands. The parts are put together into one ``BundleContent``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qingjian.notary.bundle import BundleContent
from qingjian.notary.errors import NotaryError

Collect = Callable[[Mapping[str, Any]], BundleContent]
"""Collects one part; the title of the part is not used."""


@dataclass(frozen=True)
class Collector:
    """A registered way to collect a part, with its name for people."""

    name: str
    title: str
    collect: Collect


class Collectors:
    """Registered collectors."""

    def __init__(self) -> None:
        self._collectors: dict[str, Collector] = {}

    def register(self, name: str, title: str, collect: Collect) -> None:
        """Add a collector; a name can be registered once."""
        if name in self._collectors:
            raise NotaryError(f"{name} is registered already")
        self._collectors[name] = Collector(name, title, collect)

    def __iter__(self) -> Iterator[Collector]:
        return iter(self._collectors.values())

    def gather(self, title: str, requests: Sequence[tuple[str, Mapping[str, Any]]]) -> BundleContent:
        """One content out of all requests, in their order; NotaryError for a name nobody registered."""
        whole = BundleContent(title)
        for name, request in requests:
            if name not in self._collectors:
                raise NotaryError(f"没有登记 {name} / nobody registered how to collect this")
            part = self._collectors[name].collect(request)
            shift = len(whole.events)  # files name their event by its position
            whole.files += [
                item if item.event is None else replace(item, event=item.event + shift) for item in part.files
            ]
            whole.frames += part.frames
            whole.series_days += part.series_days
            whole.events += part.events
            whole.summary += part.summary
        return whole
