"""Air reports with and without the days of approved events of sand dust and exceptions: both figures and their basis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from qingjian.apps.evaluation import deducting
from qingjian.apps.evaluation.models import AirEvent, Evaluation
from qingjian.apps.reporting.air_figures import Figures, figures
from qingjian.apps.reporting.air_words import unit_of
from qingjian.apps.reporting.content import column, listed, number, section, table, text
from qingjian.contracts.periods import Period
from qingjian.rulebook import Row, Rulebook
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.words import english

KINDS = {
    AirEvent.Kind.SAND_DUST: text("沙尘", "sand dust"),
    AirEvent.Kind.EXCEPTION: text("例外事件", "exception event"),
}


@dataclass(frozen=True)
class TakenOut:
    """A period without what its approved events take out, and the same part of last year without that of its own."""

    given: list[AirEvent]
    earlier: list[AirEvent]
    days: list[Evaluation]
    stations: list[Evaluation]
    touched: dict[date, frozenset[str]]
    present: Figures
    base: Figures


def taken_out(
    place: Any,
    period: Period,
    days: Sequence[Evaluation],
    base_days: Sequence[Evaluation],
    stations: Sequence[Evaluation],
    book: Rulebook,
    variant: str | None,
) -> TakenOut | None:
    """Return the reduced period; None where neither it nor the same part of last year has an approved event."""
    before = period.year_before()
    given = deducting.approved(period.first, period.last, place.region)
    earlier = deducting.approved(before.first, before.known_last, place.region)
    if not given and not earlier:
        return None
    own = [deducting.as_event(one) for one in given]
    reduced = deducting.deducted(days, own, book)
    base = deducting.deducted(base_days, [deducting.as_event(one) for one in earlier], book)
    return TakenOut(
        given,
        earlier,
        reduced.rows,
        deducting.deducted(stations, own, book).rows,
        reduced.taken,
        figures(reduced.rows, period.last, book, variant),
        figures(base.rows, before.last, book, variant),
    )


def rule_rows(region: Any, period: Period, book: Rulebook) -> list[Row]:
    """Return the rules the events of a period rest on, for the basis of the report."""
    events = deducting.approved(period.first, period.last, region)
    return [
        row
        for kind in sorted({one.kind for one in events})
        for row in book.rows("evaluation_parameters", period.last, subject=kind)
    ]


def facts(out: TakenOut) -> list[dict[str, Any]]:
    rate, index = out.present.rate, out.present.index
    return [
        {
            "name": text("优良天数比例（扣除后）", "Good days after deduction"),
            "value": f"{rate}%" if rate is not None else None,
        },
        {
            "name": text("综合指数（扣除后）", "Composite index after deduction"),
            "value": number(index.value) if index else None,
        },
    ]


def summary(whole: Figures, out: TakenOut) -> list[dict[str, str]]:
    """Say both figures; nothing where only last year had an event."""
    if not out.given:
        return []
    one = out.present
    index = (
        (
            f"，综合指数 {whole.index.value} → {one.index.value}",
            f", composite index {whole.index.value} → {one.index.value}",
        )
        if whole.index and one.index
        else ("", "")
    )
    before, after = ("–" if rate is None else f"{rate}%" for rate in (whole.rate, one.rate))
    return [
        text(
            f"扣除已批准的沙尘与例外事件（{len(out.touched)} 天）后，优良比例 {before} → {after}（{one.good}/{one.days} 天）{index[0]}。本报告其余各表按全部日数统计，各日发布的 AQI 不变。",
            f"Without approved events of sand dust and exceptions ({len(out.touched)} days): good days {before} → {after} ({one.good}/{one.days}){index[1]}. All other tables of this report count every day; the published AQI of the days stays.",
        )
    ]


def compared(whole: Figures, base: Figures, out: TakenOut) -> dict[str, Any]:
    """The table of both figures, of this period and of last year."""
    lines: list[list[Any]] = [
        [text("优良天数比例", "Good days"), "%", *(number(one.rate) for one in _four(whole, base, out))],
        [text("优良天数", "Good days, count"), "", *(one.good for one in _four(whole, base, out))],
        [
            text("重度及以上污染天数", "Days heavily polluted or worse"),
            "",
            *(one.heavy for one in _four(whole, base, out)),
        ],
        [text("统计天数", "Days counted"), "", *(one.days for one in _four(whole, base, out))],
    ]
    for name in POLLUTANTS:
        if name in whole.found:
            values = [one.found.get(name) for one in _four(whole, base, out)]
            lines.append([name, unit_of(name), *(number(one[0]) if one else None for one in values)])
    lines.append(
        [
            text("综合指数", "Composite index"),
            "",
            *(number(one.index.value) if one.index else None for one in _four(whole, base, out)),
        ]
    )
    return section(
        text("扣除沙尘与例外事件前后", "With and without sand dust and exception events"),
        note=text(
            "扣除依据见“评价依据”。受影响日按其余项目的指数计入优良天数；浓度统计不含被扣除的项目。",
            "The rules stand in the evaluation basis. A day concerned counts with the index of its remaining pollutants; statistics leave the pollutants taken out.",
        ),
        table=table(
            [
                column("项目", "Item"),
                column("单位", "Unit"),
                column("全部日数", "With every day"),
                column("扣除后", "After deduction"),
                column("上年同期全部日数", "Last year, every day"),
                column("上年同期扣除后", "Last year, after deduction"),
            ],
            lines,
        ),
    )


def _four(whole: Figures, base: Figures, out: TakenOut) -> tuple[Figures, ...]:
    return whole, out.present, base, out.base


def events(out: TakenOut) -> dict[str, Any]:
    """The list of the events, with the document that approved each."""
    return section(
        text("已批准的事件", "Approved events"),
        table=table(
            [
                column("种类", "Kind"),
                column("起", "From"),
                column("止", "To"),
                column("项目", "Pollutants"),
                column("批准文件", "Approving document"),
            ],
            [
                [
                    KINDS[AirEvent.Kind(one.kind)],
                    one.first.isoformat(),
                    one.last.isoformat(),
                    listed(one.pollutants) or text("按规定", "by the rule"),
                    one.approval,
                ]
                for one in (*out.given, *out.earlier)
            ],
        ),
    )


def of_day(region: Any, row: Evaluation, book: Rulebook) -> list[dict[str, str]]:
    """Return what the report of one day says of an approved event on it."""
    day = deducting.day_of(row.start)
    given = deducting.approved(day, day, region)
    reduced = deducting.deducted([row], [deducting.as_event(one) for one in given], book)
    if not reduced.taken:
        return []
    (one,) = reduced.rows
    names = _joined(sorted(reduced.taken[day]))
    documents = "；".join(dict.fromkeys(each.approval for each in given))
    left = (
        (
            f"其余项目的指数为 {one.aqi}（{one.category}）",
            f"the index of what is left is {one.aqi} ({english(one.category)})",
        )
        if one.published_aqi is not None
        else ("不计入天数统计", "the day leaves the count of days")
    )
    return [
        text(
            f"本日列入已批准的事件（{documents}）：统计时扣除 {names}，{left[0]}；发布的 AQI 不变。",
            f"The day belongs to an approved event ({documents}): statistics leave out {names}, {left[1]}; the published AQI stays.",
        )
    ]


def _joined(names: Iterable[str]) -> str:
    return "、".join(names)
