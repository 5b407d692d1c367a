"""The evaluation basis of a report: documents, editions and clauses, completeness, inputs left out, origin, confidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils import translation

from qingjian.apps.evaluation import queries as evaluation
from qingjian.apps.network.models import Point, Series
from qingjian.apps.reporting.content import column, section, table, text
from qingjian.rulebook import Confidence, Row, may_act_alone

CONFIDENCE = {
    "V": text("V 已核对原文", "V verified in the text"),
    "S": text("S 二手来源", "S secondary source"),
    "U": text("U 未核实", "U unverified"),
}
MEASURED = text("实测", "measured")


def _origin(rows: Sequence[Row]) -> dict[str, str]:
    """Say whose rows these are; of those in the place of a standard's, who approved them."""
    if not any(row.override for row in rows):
        return text("随系统", "packaged")
    approved = sorted({row.confirmation.who for row in rows if row.replaces and row.confirmation})
    if approved:
        return text(
            f"本机关（{'、'.join(approved)} 核准）", f"of this office, approved by {', '.join(approved)}"
        )
    return text("本机关补充", "of this office")


def documents(rows: Iterable[Row]) -> tuple[dict[str, Any], str, bool]:
    """Return (the section of documents and clauses, the weakest confidence, whether the rows may decide alone)."""
    rows = list(rows)
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.citation or row.table, []).append(row)
    lines = []
    for citation, own in sorted(groups.items()):
        weakest = Confidence.weakest(row.confidence for row in own)
        confirmed = all(row.confirmed for row in own)
        origin = _origin(own)
        since = max((row.valid_from for row in own if row.valid_from), default=None)
        lines.append(
            [
                citation,
                ", ".join(sorted({row.edition for row in own if row.edition and not row.replaces})) or None,
                since.isoformat() if since else None,
                len(own),
                text("本机关已确认", "confirmed here") if confirmed else CONFIDENCE[weakest.value],
                origin,
            ]
        )
    weakest = Confidence.weakest(row.confidence for row in rows)
    shown = section(
        text("标准与条款", "Standards and clauses"),
        note=text(
            "版本按数据日期选用；可信度为所用条目中最弱的一项。",
            "The edition follows the date of the data; the confidence is the weakest of the rows used.",
        ),
        table=table(
            [
                column("依据", "Document and clause"),
                column("版本", "Edition"),
                column("生效", "In force since"),
                column("条目数", "Rows"),
                column("可信度", "Confidence"),
                column("来源", "Origin"),
            ],
            lines,
        ),
    )
    return shown, weakest.value, may_act_alone(rows)


def label(series: Iterable[Series]) -> dict[str, str]:
    """Return in both languages whether data are measured, replayed or simulated."""
    series = list(series)
    found = {}
    for key, language in (("zh", "zh-hans"), ("en", "en")):
        with translation.override(language):
            one = evaluation.label_of(series)
            found[key] = one["text"] if one else MEASURED[key]
    return found


def notice(series: Iterable[Series]) -> dict[str, str]:
    """Return in both languages what the series say of where their data come from."""
    said = [(one.notice.split("\n")[0], one.notice.split("\n")[-1]) for one in series if one.notice]
    chinese, english = (dict.fromkeys(half) for half in zip(*said, strict=True)) if said else ((), ())
    return text("；".join(chinese)[:400], "; ".join(english)[:400])


def origins(
    held: Mapping[int, Sequence[Series]], points: Sequence[Point]
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return (the section of origins, the distinct labels that are not plain measurements)."""
    labels = {point.pk: label(held.get(point.pk, ())) for point in points}
    lines = [[point.name, point.code, labels[point.pk], notice(held.get(point.pk, ()))] for point in points]
    others = {one["zh"]: one for one in labels.values() if one != MEASURED}
    shown = section(
        text("数据来源", "Origin of the data"),
        table=table(
            [
                column("点位", "Point"),
                column("编码", "Code"),
                column("来源", "Origin"),
                column("说明", "Notice"),
            ],
            lines,
        ),
    )
    return shown, list(others.values())


def rejected(lines: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return the section of inputs left out: point, item, count, reason."""
    return section(
        text("未参加评价的数据", "Inputs left out"),
        note=None if lines else text("没有被剔除的数据。", "Nothing was left out."),
        table=table(
            [
                column("点位", "Point"),
                column("项目", "Item"),
                column("数量", "Count"),
                column("原因", "Reason"),
            ],
            lines,
        )
        if lines
        else None,
    )
