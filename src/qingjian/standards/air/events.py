"""Days and hours that leave the statistics: sand-dust deduction and approved exception events.

Nothing is deleted: the caller keeps the full series, gets the reduced one, and both results are shown side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.air.breakpoints import POLLUTANTS, pollutant_name
from qingjian.standards.errors import EditionError, InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder

EventKind = Literal["sand_dust", "exception_event"]
_KINDS: tuple[EventKind, ...] = ("sand_dust", "exception_event")


def kind_of(name: str) -> EventKind:
    """A kind of event by its name. Raises InputError."""
    for kind in _KINDS:
        if kind == name:
            return kind
    raise InputError(f"不认识的事件种类: {name}", f"unknown kind of event: {name}")


@dataclass(frozen=True, slots=True)
class Event:
    """An event of some days. `approval` names the document that allows the deduction; without it nothing is deducted.

    `pollutants` empty: those the rule names (sand dust) or all six (exception event).
    """

    kind: EventKind
    first: date
    last: date
    approval: str
    pollutants: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Deduction:
    """Daily values without the deducted days, and what was taken out by pollutant and day."""

    daily: Mapping[str, Mapping[date, Decimal | None]]
    deducted: Mapping[str, tuple[date, ...]]
    trace: Trace


def deduct(
    daily: Mapping[str, Mapping[date, Decimal | None]],
    events: Iterable[Event],
    *,
    rulebook: Rulebook | None = None,
) -> Deduction:
    """Take the days of approved events out of daily series by pollutant.

    Sand dust: PM10 and PM2.5 (环办监测〔2016〕120号, unverified). Exception events: only on days when HJ 663-2026 is in
    force (its rule is unverified). Raises InputError for an event that ends before it starts, EditionError.
    """
    book = rulebook or packaged()
    trace = TraceBuilder(Text("沙尘与例外事件剔除", "deduction of sand dust and exception events"))
    kept = {pollutant_name(name): dict(series) for name, series in daily.items()}
    taken: dict[str, list[date]] = {name: [] for name in kept}
    for event in events:
        if event.last < event.first:
            raise InputError("事件结束早于开始", "the event ends before it starts")
        span = f"{event.first}–{event.last}"
        if not event.approval.strip():
            trace.reject(event.kind, span, "没有批准文件，不剔除", "no approval: not deducted")
            continue
        row = _rule(book, event)
        named = {pollutant_name(name) for name in event.pollutants}
        if event.kind == "sand_dust":
            allowed = set(row["value"].split())
            if named - allowed:
                raise InputError("沙尘只剔除颗粒物", "sand dust only takes out particles")
            wanted = named or allowed
        else:
            wanted = named or set(POLLUTANTS)
        for name in sorted(wanted & set(kept)):
            for day, value in kept[name].items():
                if event.first <= day <= event.last and value is not None:
                    kept[name][day] = None
                    taken[name].append(day)
        names = "、".join(sorted(wanted))
        trace.step(
            f"{span} 剔除 {names}（{event.approval}）", f"{span}: {names} taken out ({event.approval})", [row]
        )
    return Deduction(kept, {name: tuple(sorted(days)) for name, days in taken.items()}, trace.done())


def _rule(book: Rulebook, event: Event) -> Row:
    item = "items" if event.kind == "sand_dust" else "handling"
    rows = [
        row
        for row in book.rows("evaluation_parameters", subject=event.kind, item=item)
        if row.in_force(event.first) and row.in_force(event.last)
    ]
    if not rows:
        raise EditionError(
            f"{event.first} 没有适用的剔除规定", f"no rule for {event.kind} in force on {event.first}"
        )
    return rows[-1]
