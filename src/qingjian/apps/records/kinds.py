"""Kinds of business events, by registration: each app says how to read its record again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from qingjian.notary.kinds import EventKind, EventKinds

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecordKind:
    """A kind of event with the record behind it.

    `reread(identifier)` returns those fields of the content that never change, as the record has them now, or None
    when the record is gone. `made()` returns the identifiers of all records that must have an event of the kind.
    Where there may be very many, `reread_all(identifiers)` reads some hundreds at once; those gone are left out.
    """

    event: EventKind
    title: Promise | str
    reread: Callable[[str], Content | None]
    made: Callable[[], Iterable[str]] | None = None
    reread_all: Callable[[Sequence[str]], Mapping[str, Content]] | None = None

    def records(self, identifiers: Sequence[str]) -> Mapping[str, Content]:
        """Return what `reread` says of several records, without those that are gone."""
        if self.reread_all is not None:
            return self.reread_all(identifiers)
        found = {name: self.reread(name) for name in identifiers}
        return {name: content for name, content in found.items() if content is not None}


Comparison = Callable[[], Iterator[str]]
"""Returns a sentence (Chinese and English) for each record that does not follow from what was committed."""

events = EventKinds()
_kinds: dict[str, RecordKind] = {}
_comparisons: dict[str, Comparison] = {}


def register(
    code: str,
    title: Promise | str,
    chinese: str,
    required: set[str],
    reread: Callable[[str], Content | None],
    made: Callable[[], Iterable[str]] | None = None,
    reread_all: Callable[[Sequence[str]], Mapping[str, Content]] | None = None,
) -> RecordKind:
    """Add a kind; `chinese` names it in evidence bundles. The same code twice is an error."""
    if code in _kinds:
        raise ValueError(f"the kind {code} is registered twice")
    _kinds[code] = RecordKind(events.register(code, chinese, required), title, reread, made, reread_all)
    return _kinds[code]


def kind(code: str) -> RecordKind:
    """Return a registered kind; KeyError for an unknown one."""
    return _kinds[code]


def kinds() -> list[RecordKind]:
    """Return all kinds in the order of their codes."""
    return [_kinds[code] for code in sorted(_kinds)]


def register_comparison(name: str, compare: Comparison) -> None:
    """Add a comparison of records that several events together decide; the same name twice is an error."""
    if name in _comparisons:
        raise ValueError(f"the comparison {name} is registered twice")
    _comparisons[name] = compare


def comparisons() -> list[Comparison]:
    """Return all comparisons in the order of their names."""
    return [_comparisons[name] for name in sorted(_comparisons)]
