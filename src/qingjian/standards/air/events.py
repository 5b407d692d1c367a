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
from qingjian.standards.air.index import AirIndex
from qingjian.standards.air.index import daily as daily_index
from qingjian.standards.errors import EditionError, EvaluationError, InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder
from qingjian.standards.words import english

EventKind = Literal["sand_dust", "exception_event"]
_KINDS: tuple[EventKind, ...] = ("sand_dust", "exception_event")
LEFT_OUT = "left out"
"""Value of the rule `days`: the days of an event leave the count. Any other: they count with what is left of them."""


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


@dataclass(frozen=True, slots=True)
class DayDeduction:
    """What approved events change in the count of days: pollutants taken out by day, and how the day counts instead.

    `days`: the index from the pollutants that are left; None = the day leaves the count of days.
    """

    taken: Mapping[date, frozenset[str]]
    days: Mapping[date, AirIndex | None]
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
        found = _wanted(book, event, trace)
        if found is None:
            continue
        span, wanted, row = found
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


def days_without(
    days: Mapping[date, Mapping[str, Decimal]], events: Iterable[Event], *, rulebook: Rulebook | None = None
) -> DayDeduction:
    """How the days of approved events count once their pollutants are taken out: for the share of good days.

    `days`: by day the values `index.daily` takes (O3_8h, for HJ 633-2012 also O3_1h). By the rule in force a day counts with
    the index of its remaining pollutants, or leaves the count; without any remaining pollutant it leaves. The published index
    of the day is not touched. Raises as `deduct`.
    """
    book = rulebook or packaged()
    trace = TraceBuilder(Text("剔除后的日评价", "days after the deduction of sand dust and exception events"))
    taken: dict[date, frozenset[str]] = {}
    leaves: set[date] = set()
    for event in events:
        found = _wanted(book, event, trace)
        if found is None:
            continue
        span, wanted, row = found
        mode = _rule(book, event, "days")
        touched = [
            day
            for day, values in days.items()
            if event.first <= day <= event.last and any(_pollutant(item) in wanted for item in values)
        ]
        for day in touched:
            here = {_pollutant(item) for item in days[day]} & wanted
            taken[day] = taken.get(day, frozenset()) | here
        names = "、".join(sorted(wanted))
        trace.step(
            f"{span} 剔除 {names}（{event.approval}）", f"{span}: {names} taken out ({event.approval})", [row]
        )
        if mode["value"] == LEFT_OUT:
            leaves.update(touched)
            trace.step("这些天不计入天数统计", "these days leave the count of days", [mode])
        else:
            trace.step(
                "这些天按其余项目的指数计入", "these days count with the index of what is left", [mode]
            )
    changed = {
        day: None if day in leaves else _index_of_rest(day, days[day], taken[day], book, trace)
        for day in sorted(taken)
    }
    return DayDeduction(taken, changed, trace.done())


def taken_on(
    day: date, events: Iterable[Event], *, rulebook: Rulebook | None = None
) -> tuple[frozenset[str], tuple[Row, ...]]:
    """Pollutants that approved events take out of one day, and the rules that say so. Raises as `deduct`."""
    book = rulebook or packaged()
    trace = TraceBuilder(Text("剔除", "deduction"))
    found = [
        wanted
        for event in events
        if event.first <= day <= event.last
        for wanted in (_wanted(book, event, trace),)
        if wanted is not None
    ]
    return frozenset(name for _span, names, _row in found for name in names), tuple(
        row for _span, _names, row in found
    )


def _index_of_rest(
    day: date, values: Mapping[str, Decimal], taken: frozenset[str], book: Rulebook, trace: TraceBuilder
) -> AirIndex | None:
    # In the order of the standard: stored values come back in an order of the database's own.
    rest = {item: values[item] for item in sorted(values, key=_place) if _pollutant(item) not in taken}
    # What an event takes out is not missing: only what was not measured makes the rest NA.
    gone = [item for name in taken for item in (("O3_8h", "O3_1h") if name == "O3" else (name,))]
    try:
        found = daily_index(rest, on=day, not_in_plan=gone, rulebook=book)
    except EvaluationError as error:
        trace.step(f"{day}：{error.zh}，不计入天数", f"{day}: {error.en}; the day leaves the count")
        return None
    if not found.publishable:
        trace.step(
            f"{day}：其余项目 {'、'.join(rest)} 的指数 {found.aqi} 不大于 100，缺项 {'、'.join(found.missing)}：按 HJ 633-2026 为 NA，不计入天数",
            f"{day}: index of {', '.join(rest)} {found.aqi} is not above 100 and {', '.join(found.missing)} is missing: NA by HJ 633-2026, the day leaves the count",
        )
        return found
    trace.step(
        f"{day}：其余项目 {'、'.join(rest)} 的指数 {found.aqi}（{found.category}）",
        f"{day}: index of {', '.join(rest)} {found.aqi} ({english(found.category)})",
    )
    return found


def _pollutant(item: str) -> str:
    return "O3" if item.startswith("O3") else pollutant_name(item)


def _place(item: str) -> tuple[int, str]:
    name = _pollutant(item)
    return (POLLUTANTS.index(name) if name in POLLUTANTS else len(POLLUTANTS), item)


def _wanted(book: Rulebook, event: Event, trace: TraceBuilder) -> tuple[str, set[str], Row] | None:
    """Span, pollutants and rule of an event; None without an approval. Raises InputError, EditionError."""
    if event.last < event.first:
        raise InputError("事件结束早于开始", "the event ends before it starts")
    span = f"{event.first}–{event.last}"
    if not event.approval.strip():
        trace.reject(event.kind, span, "没有批准文件，不剔除", "no approval: not deducted")
        return None
    row = _rule(book, event, "items" if event.kind == "sand_dust" else "handling")
    named = {pollutant_name(name) for name in event.pollutants}
    if event.kind == "sand_dust":
        allowed = set(row["value"].split())
        if named - allowed:
            raise InputError("沙尘只剔除颗粒物", "sand dust only takes out particles")
        return span, named or allowed, row
    return span, named or set(POLLUTANTS), row


def _rule(book: Rulebook, event: Event, item: str) -> Row:
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
