"""Stored results of evaluation with their versions and the answer to "why", and the exceedances made from them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_noop as _
from ninja import Path, Query, Router, Schema
from pydantic import Field

from qingjian.api.asked import Moment, Paged, Word, instant, keys_of, nothing, number, page, written
from qingjian.api.errors import ApiError
from qingjian.api.points import Element, Made, Named, in_region, made
from qingjian.apps.evaluation import explanation, queries
from qingjian.apps.evaluation.exceedances import KINDS as OF_EXCEEDANCES
from qingjian.apps.evaluation.models import Evaluation, Exceedance
from qingjian.apps.network.kinds import kinds_of
from qingjian.contracts.current import now

USUAL = timedelta(days=7)
LONGEST = timedelta(days=370)
MOST_TRACES = 50
KINDS = tuple(Evaluation.Kind.values)
AVERAGINGS = tuple(OF_EXCEEDANCES.values())

router = Router()
Kind = Literal[KINDS]  # type: ignore[valid-type]
Averaging = Literal[AVERAGINGS]  # type: ignore[valid-type]


class Result(Schema):
    id: int
    kind: str
    start: str
    point: Named | None = Field(description="null: of the region as a whole")
    region: Named
    edition: str
    basis: str = Field(description="Empty when the edition follows the date of the data")
    aqi: int | None = Field(description="As published: null where the standard asks for NA")
    publishable: bool
    category: str
    primary: str
    water_class: str
    target: str
    reached: bool | None
    main_items: str
    exceeds: bool | None
    multiple: float | None
    inputs: dict[str, Any] = Field(description="Values used and rejected")
    result: dict[str, Any] = Field(
        description="Further results by kind: sub-indices, items with class and limits"
    )
    confidence: str = Field(description="Of the weakest rule used: V, S or U")
    rulebook: str = Field(description="Version of the rulebook the result was worked out with")
    inputs_known_at: str
    known_at: str
    revision: int
    superseded_at: str | None = Field(description="When a later version took its place; null for the latest")
    data: Made = Field(description="Of the weakest series of the point, or of the stations of the region")
    rules: list[str] | None = Field(
        description="Ids of the rows it rests on; null in lists where no trace is stored"
    )
    trace: dict[str, Any] | None = Field(description="Inputs, steps and rows; only where asked for")
    trace_stored: bool = Field(
        description="False: a trace is made from the stored inputs when it is asked for"
    )


class Results(Schema):
    from_: str = Field(serialization_alias="from")
    to: str
    rows: list[Result]
    next: str


class Explained(Schema):
    result: Result
    versions: list[int] = Field(description="Ids of all versions, newest first")


class ExceedanceOut(Schema):
    id: int
    point: Named
    series: str
    factor: str
    averaging: str
    held_against: str
    rule: str = Field(description="Row of the rulebook that decides; empty where a permit does")
    start: str
    end: str
    periods: int
    peak: float
    unit: str
    multiple: float | None
    running: bool
    marked: bool
    reason_zh: str
    reason_en: str
    alert_state: str | None
    result: int = Field(description="Id of the result of the worst period: it answers why")
    data: Made


class Exceedances(Schema):
    from_: str = Field(serialization_alias="from")
    to: str
    rows: list[ExceedanceOut]
    next: str


class PeriodAsked(Paged):
    element: Element | None = Field(None, description=_("Element of the environment"))
    point: Word = Field("", description=_("Code of a monitoring point"))
    region: Word = Field("", description=_("Code of a region; what lies below it counts"))
    from_: Moment | None = Field(None, alias="from", description=_("Periods that begin then or later"))
    to: Moment | None = Field(None, description=_("Periods that begin before then; now when none is given"))

    def period(self) -> tuple[datetime, datetime]:
        """Return from and to, the last week when nothing is said. Raises ApiError."""
        end = self.to or now()
        start = self.from_ or end - USUAL
        if not start < end <= start + LONGEST:
            raise ApiError(
                422,
                "bad-period",
                f"参数 to 应晚于 from，且相距不超过 {LONGEST.days} 天",
                f"the parameter to must lie after from, by at most {LONGEST.days} days",
                parameters=["from", "to"],
            )
        return start, end


class ResultsAsked(PeriodAsked):
    kind: Kind | None = Field(None, description=_("Kind of result"))
    versions: Literal["latest", "all"] = Field(
        "latest", description=_("all: earlier versions of one point too")
    )
    trace: bool = Field(False, description=_("With the answer to why; at most 50 rows a page then"))


@router.get("/results", response=Results, by_alias=True, summary=_("Results of evaluation"))
def results(request: HttpRequest, asked: Query[ResultsAsked]) -> dict[str, Any]:
    """Stored results, newest period first, with edition, basis and confidence."""
    start, end = asked.period()
    limit = min(asked.limit, MOST_TRACES) if asked.trace else asked.limit
    found = _narrowed(queries.evaluations_visible_to(request.auth), asked).filter(
        start__gte=start, start__lt=end
    )
    # The index of current results is by kind and start: without kinds every result there is would be looked at.
    found = found.filter(kind__in=[asked.kind] if asked.kind else KINDS)
    if asked.versions == "latest":
        found = found.filter(superseded_at=None)
    elif not asked.point:
        raise ApiError(
            422,
            "point-needed",
            "versions=all 需要同时给出 point",
            "versions=all needs a point",
            parameters=["versions", "point"],
        )
    if behind := keys_of(asked.cursor, instant, number):
        found = found.filter(Q(start__lt=behind[0]) | Q(start=behind[0], pk__lt=behind[1]))
    rows, following = page(
        list(found.order_by("-start", "-pk")[: limit + 1]), limit, lambda one: (one.start.isoformat(), one.pk)
    )
    labels = queries.labels_of(rows)
    return {
        "from_": written(start),
        "to": written(end),
        "rows": [
            _shown(one, labels[one.pk], _trace(one) if asked.trace else one.trace, with_trace=asked.trace)
            for one in rows
        ],
        "next": following,
    }


def _narrowed(rows: QuerySet[Any], asked: PeriodAsked) -> QuerySet[Any]:
    """Keep what is about an element, a point, a region."""
    if asked.point:
        rows = rows.filter(point__code=asked.point)
    if asked.element:
        rows = rows.filter(_of_element(rows.model, asked.element))
    return in_region(rows, asked.region, "region" if rows.model is Evaluation else "point__region")


def _of_element(model: type[Any], element: str) -> Q:
    of_points = Q(point__kind__in=kinds_of(element))
    if model is not Evaluation:
        return of_points
    # Results of a region as a whole have no point: their kind says what they are about.
    return of_points | Q(point=None, kind__startswith=element)


@router.get("/results/{int:result_id}", response=Explained, summary=_("One result, and why"))
def result(
    request: HttpRequest, result_id: Annotated[int, Path(..., description=_("Id of a result"))]
) -> dict[str, Any]:
    """One stored result with its trace, worked out again where none is stored, and all its versions."""
    nothing(request)
    row = get_object_or_404(queries.evaluations_visible_to(request.auth), pk=result_id)
    return {
        "result": _shown(row, queries.labels_of([row])[row.pk], _trace(row), with_trace=True),
        "versions": [one.pk for one in queries.revisions_of(row)],
    }


def _trace(row: Evaluation) -> dict[str, Any]:
    return explanation.trace_of(row, explanation.book_of(row))[0]


def _shown(
    row: Evaluation, label: dict[str, str] | None, trace: dict[str, Any] | None, *, with_trace: bool
) -> dict[str, Any]:
    return {
        "id": row.pk,
        "kind": row.kind,
        "start": written(row.start),
        "point": {"code": row.point.code, "name": row.point.name} if row.point else None,
        "region": {"code": row.region.code, "name": row.region.name},
        "edition": row.edition,
        "basis": row.basis,
        "aqi": row.published_aqi,
        "publishable": row.publishable,
        "category": row.published_category,
        "primary": row.published_primary,
        "water_class": row.water_class,
        "target": row.target,
        "reached": row.reached,
        "main_items": row.main_items,
        "exceeds": row.exceeds,
        "multiple": row.multiple,
        "inputs": row.values,
        "result": row.result,
        "confidence": row.confidence,
        "rulebook": row.rulebook,
        "inputs_known_at": written(row.inputs_known_at),
        "known_at": written(row.known_at),
        "revision": row.revision,
        "superseded_at": written(row.superseded_at),
        "data": made(label),
        "rules": [one["id"] for one in trace["rows"]] if trace is not None else None,
        "trace": trace if with_trace else None,
        "trace_stored": row.trace is not None,
    }


class ExceedancesAsked(PeriodAsked):
    averaging: Averaging | None = Field(
        None, description=_("Averaging period of the limit; sample: of limits that samples are held against")
    )
    running: bool | None = Field(None, description=_("Those that go on, or those that have ended"))


@router.get("/exceedances", response=Exceedances, by_alias=True, summary=_("Exceedances of outlets"))
def exceedances(request: HttpRequest, asked: Query[ExceedancesAsked]) -> dict[str, Any]:
    """Runs of periods above a limit that touch the time asked for, newest first; marked ones say so and do not count.

    A run that goes on touches all time since its start; `end` is that of its last period.
    """
    start, end = asked.period()
    # A run that goes on has no end yet: a month counts until the next one is over and judged.
    found = _narrowed(queries.exceedances_visible_to(request.auth), asked).filter(
        Q(end__gt=start) | Q(running=True), start__lt=end
    )
    if asked.averaging:
        found = found.filter(averaging=asked.averaging)
    if asked.running is not None:
        found = found.filter(running=asked.running)
    if behind := keys_of(asked.cursor, instant, number):
        found = found.filter(Q(start__lt=behind[0]) | Q(start=behind[0], pk__lt=behind[1]))
    rows, following = page(
        list(found.order_by("-start", "-pk")[: asked.limit + 1]),
        asked.limit,
        lambda one: (one.start.isoformat(), one.pk),
    )
    return {
        "from_": written(start),
        "to": written(end),
        "rows": [_exceedance(one) for one in rows],
        "next": following,
    }


def _exceedance(row: Exceedance) -> dict[str, Any]:
    return {
        "id": row.pk,
        "point": {"code": row.point.code, "name": row.point.name},
        "series": row.series.code,
        "factor": row.series.factor.code,
        "averaging": row.averaging,
        "held_against": row.held_against,
        "rule": row.rule,
        "start": written(row.start),
        "end": written(row.end),
        "periods": row.periods,
        "peak": row.peak,
        "unit": row.series.unit,
        "multiple": row.multiple,
        "running": row.running,
        "marked": row.marked,
        "reason_zh": row.reason_zh,
        "reason_en": row.reason_en,
        "alert_state": row.alert_state,
        "result": row.evaluation_id,
        "data": made(queries.label_of([row.series])),
    }
