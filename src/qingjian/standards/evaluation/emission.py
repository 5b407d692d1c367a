"""Kind emission: one value of an outlet against the limits of an emission standard."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from qingjian.rulebook import Row
from qingjian.standards.emissions import judgement
from qingjian.standards.errors import EditionError, InputError
from qingjian.standards.evaluation.request import Outputs, Request, number, squeeze
from qingjian.standards.explanation import Trace
from qingjian.standards.limits import limit_of
from qingjian.standards.rounding import round_places

TABLE = "emission_limits"


def emission(request: Request) -> tuple[Outputs, Trace]:
    """Value against the limits of a standard: by class, condition and averaging period where it has several.

    The edition is the document (`GB 8978-1996`). Raises InputError where one of them is needed and not given.
    """
    request.only("item", "value", "class", "condition", "period", "date", "oxygen")
    item = request.text("item")
    rows = _of_document(request)
    day = _day(request) or max((row.valid_from for row in rows if row.valid_from), default=date.min)
    held = [row for row in rows if row.in_force(day)]
    if not held:
        raise EditionError(
            f"{request.edition} 在 {day} 未实施", f"{request.edition} is not in force on {day}"
        )
    found = [row for row in held if judgement.is_of(row, item)]
    if not found:
        known = "、".join(dict.fromkeys(row["symbol"] or row["pollutant_cn"] for row in held))
        raise InputError(
            f"{request.edition} 没有项目 {item}（已有: {known}）",
            f"{request.edition} has no item {item} (known: {known})",
        )
    found = _chosen(request, found)
    reference = request.number("oxygen") if "oxygen" in request.inputs else None
    result = judgement.judge(
        request.given("value"),
        [limit_of(row) for row in found],
        on=day,
        reference=reference,
        rulebook=request.rulebook,
    )
    row = result.decided_by.row
    outputs: Outputs = {
        "exceeds": result.exceeds,
        "limit": row["limit"],
        "unit": row["unit"],
        "class": row["class"],
        "period": row["averaging_period"],
        "confidence": row.confidence.value,
    }
    if result.multiple is not None:
        outputs["multiple"] = number(round_places(result.multiple, 4), 4)
    return outputs, result.trace


def _of_document(request: Request) -> list[Row]:
    wanted = squeeze(request.edition)
    rows = request.rulebook.rows(TABLE)
    found = [row for row in rows if squeeze(row.document) == wanted]
    if not found:
        known = "; ".join(dict.fromkeys(row.document for row in rows))
        raise EditionError(
            f"{request.kind} 没有版本 {request.edition}（已有: {known}）",
            f"no edition {request.edition} for {request.kind}: {known}",
        )
    return found


def _day(request: Request) -> date | None:
    if "date" not in request.inputs:
        return None
    try:
        return date.fromisoformat(request.text("date"))
    except ValueError as error:
        raise InputError("date 应写作 2026-03-01", "date is written like 2026-03-01") from error


def _chosen(request: Request, rows: list[Row]) -> list[Row]:
    """The rows of the class, condition and period asked for; which of them must be asked for where there are several."""
    if "period" in request.inputs:
        wanted = judgement.period_of(request.text("period"))
        rows = [row for row in rows if judgement.period_known(row["averaging_period"]) in (wanted, None)]
        _none(rows, "period", request.text("period"))
    if "class" in request.inputs:
        given = request.text("class")
        rows = [row for row in rows if judgement.is_of_class(limit_of(row), given)]
        _none(rows, "class", given)
    if "condition" in request.inputs:
        given = request.text("condition")
        rows = [row for row in rows if given in f"{row['pollutant_cn']} {row['condition']}"]
        _none(rows, "condition", given)
    _several(rows, "class", (row["class"] for row in rows))
    _several(rows, "period", (row["averaging_period"] for row in rows))
    _several(rows, "condition", (f"{row['pollutant_cn']} {row['condition']}".strip() for row in rows))
    return rows


def _none(rows: list[Row], name: str, given: str) -> None:
    if not rows:
        raise InputError(f"没有 {name} 为 {given} 的限值", f"no limit has the {name} {given}")


def _several(rows: list[Row], name: str, texts: Iterable[str]) -> None:
    known = list(dict.fromkeys(texts))
    if len(known) > 1:
        listing = " / ".join(known)
        raise InputError(f"请给出 {name}（可用: {listing}）", f"{name} must be given (known: {listing})")
