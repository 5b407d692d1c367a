"""Which clauses stand behind figures of outlets: permits, standards, and the rules of valid days and amounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from qingjian.apps.evaluation.amounts import Standing
from qingjian.apps.evaluation.drafts import day_of, short
from qingjian.apps.evaluation.models import Exceedance
from qingjian.apps.evaluation.outlet_statistics import Group
from qingjian.apps.evaluation.outlets import AVERAGINGS, Outlet, share_of
from qingjian.contracts.clock import CHINA
from qingjian.rulebook import Row, Rulebook
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain

MOST_RUNS = 20
LASTING = {
    "hour": ("小时", "h"),
    "day": ("天", "d"),
    "month": ("个月", "months"),
    "year": ("年", "years"),
    "sample": ("个样品", "samples"),
}


@dataclass(frozen=True)
class Clause:
    """A clause as it is cited, with its row where it stands in the rulebook."""

    citation: str
    row: Row | None = None


def held(outlets: Iterable[Outlet], first: date, last: date, book: Rulebook) -> list[Clause]:
    """Return what outlets are held against on any day of a period, and the rules by which a mean is valid."""
    found: dict[str, Row | None] = {}
    means: set[tuple[str, str]] = set()
    for outlet in outlets:
        means.add((outlet.medium, "day"))
        for day in _changing(outlet, first, last, book):
            for averaging in AVERAGINGS:
                for _series, _converted, bounds in outlet.held(day, averaging, book):
                    found |= {one.document: one.row for one in bounds}
                    means |= {(outlet.medium, averaging)} - {(outlet.medium, "hour")}
    for medium, averaging in sorted(means):
        row = share_of(book, medium, averaging, last)
        found[row.citation] = row
    return [Clause(citation, row) for citation, row in found.items()]


def _changing(outlet: Outlet, first: date, last: date, book: Rulebook) -> list[date]:
    """Return the first day of a period and every day in it on which another limit may begin to hold."""
    days = {first}
    days |= {day_of(one.valid_from) for one in outlet.limits if one.valid_from is not None}
    own = book.rows("outlet_standards", outlet=outlet.point.outlet.code)
    standards = {one.standard for one in own}
    rows = [one for one in book.rows("emission_limits") if one.standard in standards]
    days |= {one.valid_from for one in (*own, *rows) if one.valid_from is not None}
    return sorted(one for one in days if first <= one <= last)


def of_amount(one: Standing) -> list[Clause]:
    """Return the permit behind a yearly amount, and the rules by which it was worked out."""
    permit = str(one.limit.permit) if one.limit.permit else str(one.limit.basis)
    rows = one.standing.trace.rows if one.standing is not None else ()
    return [Clause(citation) for citation in (permit,) if citation] + [
        Clause(row.citation, row) for row in rows
    ]


def cited(clauses: Iterable[Clause]) -> str:
    """Return clauses in one cell of a file."""
    return "；".join(dict.fromkeys(one.citation for one in clauses if one.citation))


def explain_amount(made: TraceBuilder, one: Standing, book: Rulebook) -> None:
    """Say how an amount came about, or why there is none."""
    name = one.limit.factor.name_zh
    code = one.limit.factor.wire_code
    if one.tonnes is None:
        why = one.problem or Text(
            "还没有流量与浓度同时有效的小时", "no valid hour of flow and concentration yet"
        )
        made.step(f"{name}: 不能计算排放量: {why.zh}", f"{code}: no amount: {why.en}")
        return
    tonnes = short(float(one.tonnes))
    made.step(
        f"{name}: Σ(C·Q) = {tonnes} t（{one.days} 天、{one.hours} 个有效小时；{one.skipped} 个小时无有效数据，未计）",
        f"{code}: Σ(C·Q) = {tonnes} t ({one.days} days, {one.hours} valid hours; {one.skipped} hours without valid data left out)",
        book.rows("evaluation_parameters", subject="flue_gas_state")[-2:]
        if one.point.outlet.medium == "gas"
        else (),
    )
    permit = cited(of_amount(one)[:1])
    allowed = plain(one.limit.yearly_amount_t)
    made.step(f"{name}: 许可 {allowed} t（{permit}）", f"{code}: permitted {allowed} t ({permit})")
    if one.standing is not None:
        made.include(one.standing.trace, prefix=f"{name} ")


def explained_amount(one: Standing, book: Rulebook) -> Trace:
    made = TraceBuilder(Text("排放量与许可", "amount against the permit"))
    explain_amount(made, one, book)
    return made.done()


def explained_row(
    outlet: Outlet,
    runs: Iterable[Exceedance],
    amounts: Iterable[Standing],
    days: tuple[date, date],
    book: Rulebook,
) -> Trace:
    """Explain the line of an outlet in the list: its exceedances, what was left out, what it is held against, its amounts."""
    made = TraceBuilder(Text("排口一览", "an outlet at a glance"))
    runs = list(runs)
    counted = [one for one in runs if not one.marked]
    for one in [one for one in runs if one.marked][:MOST_RUNS]:
        name = f"{one.series.factor.name_zh} {_begin(one)}"
        made.reject(name, one.peak, one.reason_zh, one.reason_en)
    multiples = [one.multiple for one in counted if one.multiple is not None]
    worst = f"{max(multiples):.2f}" if multiples else "–"
    periods = Counter[str]()
    for one in counted:
        periods[one.averaging] += one.periods
    told = [_lasting(name, periods[name]) for name in LASTING if periods[name]] or [Text("0", "none")]
    made.step(
        f"{days[0]} 至 {days[1]}: 超标 {len(counted)} 次，共 {'、'.join(one.zh for one in told)}，最大超标倍数 {worst}；带标记不计 {len(runs) - len(counted)} 次",
        f"{days[0]} to {days[1]}: {len(counted)} exceedances ({', '.join(one.en for one in told)}), at most {worst} times above; {len(runs) - len(counted)} marked and not counted",
    )
    for one in counted[:MOST_RUNS]:
        times = "" if one.multiple is None else f", ×{one.multiple:.2f}"
        long = _lasting(one.averaging, one.periods)
        made.step(
            f"{one.series.factor.name_zh} {_begin(one)} 起 {long.zh}: {one.peak:g}，限值 {one.held_against}{times}",
            f"{one.series.factor.wire_code} from {_begin(one)}, {long.en}: {one.peak:g}, limit {one.held_against}{times}",
        )
    for clause in held([outlet], *days, book):
        made.step(
            f"依据: {clause.citation}",
            f"basis: {clause.citation}",
            () if clause.row is None else [clause.row],
        )
    for standing in amounts:
        explain_amount(made, standing, book)
    return made.done()


def _begin(run: Exceedance) -> str:
    return f"{run.start.astimezone(CHINA):%Y-%m-%d %H:%M}"


def _lasting(averaging: str, count: int) -> Text:
    """Return how long it lasted in its own periods: hours and months do not add up."""
    zh, en = LASTING[averaging]
    return Text(f"{count} {zh}", f"{count} {en}")


def explained_group(group: Group, days: tuple[date, date], book: Rulebook) -> Trace:
    """Explain a line of the statistics: whom it counts, what was judged against what, what was discharged."""
    made = TraceBuilder(Text("排口统计", "statistics of outlets"))
    sources = "、".join(sorted(group.sources))
    made.step(
        f"{days[0]} 至 {days[1]}: {group.outlets} 个排口，污染源 {sources}",
        f"{days[0]} to {days[1]}: {group.outlets} outlets of {sources}",
    )
    hours, marked = group.hours, group.hours["marked"]
    made.step(
        f"小时: 评价 {hours['judged']} 个，超标 {hours['exceeding']} 个，带标记不参加 {marked} 个；日均值: 评价 {group.days['judged']} 个，超标 {group.days['exceeding']} 个",
        f"hours: {hours['judged']} judged, {hours['exceeding']} exceeding, {marked} left out for marks; daily means: {group.days['judged']} judged, {group.days['exceeding']} exceeding",
    )
    if group.exceeding_percent is None:
        made.step("没有评价过的小时和日均值，不计算超标比例", "no hour or daily mean was judged: no share")
    else:
        made.step(
            f"超标比例 =（超标小时 + 超标日）/（评价小时 + 评价日）= {group.exceeding_percent}%",
            f"share = (hours + days exceeding) / (hours + days judged) = {group.exceeding_percent}%",
        )
    for clause in held(group.chosen, *days, book):
        made.step(
            f"依据: {clause.citation}",
            f"basis: {clause.citation}",
            () if clause.row is None else [clause.row],
        )
    for code, kilograms in sorted(group.kilograms.items()):
        tonnes = short(kilograms / 1000)
        made.step(
            f"{code}: Σ(C·Q) = {tonnes} t，无有效数据的小时未计",
            f"{code}: Σ(C·Q) = {tonnes} t, hours without valid data left out",
        )
    return made.done()
