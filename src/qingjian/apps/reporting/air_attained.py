"""Attainment of a year of air (HJ 663) as a section of its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.reporting.content import Text, column, section, table, text
from qingjian.contracts.periods import Period, day_of
from qingjian.rulebook import Rulebook
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.air.statistics import Attainment, PeriodStatistics, attainment, yearly

VERDICTS = {
    True: text("达标", "met"),
    False: text("未达标", "not met"),
    None: text("不能判定", "cannot be judged"),
}


def attainment_of(period: Period, days: Sequence[Evaluation], book: Rulebook) -> Attainment | None:
    found = {}
    for name in POLLUTANTS:
        values = {day_of(row.start): row.values["used"].get(name) for row in days}
        if any(value is not None for value in values.values()):
            found[name] = yearly(name, values, period.first.year, rulebook=book)
    return attainment(found) if found else None


def judged_section(judged: Attainment, title: Mapping[str, str] | None = None) -> dict[str, Any]:
    return section(
        dict(title or text("年度达标评价", "Annual attainment")),
        note=text(
            f"结论：{VERDICTS[judged.attained]['zh']}。未达标：{'、'.join(judged.not_met) or '无'}；不能判定：{'、'.join(judged.not_judged) or '无'}。",
            f"Result: {VERDICTS[judged.attained]['en']}. Not met: {', '.join(judged.not_met) or 'none'}; not judged: {', '.join(judged.not_judged) or 'none'}.",
        ),
        table=table(
            [
                column("项目", "Pollutant"),
                column("有效天数", "Valid days"),
                column("有效", "Valid year"),
                column("结论", "Result"),
                column("说明", "Reason"),
            ],
            [
                [
                    name,
                    one.valid_days,
                    one.valid,
                    VERDICTS[one.attained],
                    _remarks(one),
                ]
                for name, one in judged.pollutants.items()
            ],
        ),
    )


def _remarks(one: PeriodStatistics) -> Text | None:
    """Return why a pollutant is not judged, and what it is on the limits of the place."""
    beside = [
        (
            f"地方标准 {each.document}：{VERDICTS[each.met]['zh']}",
            f"local standard {each.document}: {VERDICTS[each.met]['en']}",
        )
        for each in one.local
    ]
    remarks = [*((reason.zh, reason.en) for reason in one.reasons), *beside]
    if not remarks:
        return None
    return text("；".join(zh for zh, _en in remarks), "; ".join(en for _zh, en in remarks))
