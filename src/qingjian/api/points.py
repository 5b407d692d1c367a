"""Monitoring points in reach, their series, and the values that the pages show of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_noop as _
from ninja import Path, Query, Router, Schema
from pydantic import Field

from qingjian.api.asked import (
    Asked,
    Moment,
    Paged,
    Word,
    Words,
    cursor_of,
    instant,
    keys_of,
    nothing,
    page,
    text,
    written,
)
from qingjian.api.errors import ApiError
from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Region
from qingjian.apps.evaluation.queries import label_of
from qingjian.apps.network import queries as network
from qingjian.apps.network.kinds import ELEMENTS, KINDS, kinds_of
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing.queries import marks_in_force
from qingjian.apps.observing.values import Values, page_values
from qingjian.apps.observing.words import STATISTICS
from qingjian.contracts.current import now

SYNTHETIC = "synthetic"
SECONDS = {"realtime": 30, "minute": 60, "hour": 3600, "day": 86_400, "month": 28 * 86_400}
"""About how long a period is, to know how much a question asks for."""
MOST_PERIODS = 50_000
"""Series times periods of one question, whatever the size of its pages."""
USUAL = {"realtime": 1 / 24, "minute": 1, "hour": 7, "day": 90, "month": 730}
"""Days before its end in which a question begins that names no beginning."""

router = Router()
Kind = Literal[tuple(KINDS)]  # type: ignore[valid-type]
Element = Literal[tuple(ELEMENTS)]  # type: ignore[valid-type]
Statistic = Literal[tuple(STATISTICS)]  # type: ignore[valid-type]
PointCode = Annotated[str, Path(..., description=_("Code of a monitoring point"))]
Made = Literal["measured", "replayed", "simulated"]


class Named(Schema):
    code: str
    name: str


class PointOut(Schema):
    code: str
    name: str
    kind: str
    element: str
    level: str
    region: Named
    organisation: Named
    outlet: str | None
    longitude: float | None = Field(description="CGCS2000")
    latitude: float | None
    status: str
    attributes: dict[str, Any]
    notice: str = Field(
        description="Says where and when replayed data were measured, or that data are simulated"
    )


class SeriesOut(Schema):
    code: str
    factor: str
    factor_zh: str
    factor_en: str
    unit: str
    origin: str
    position: int
    data: Made = Field(
        description="Whether the values were measured here, measured elsewhere and replayed, or simulated"
    )
    notice: str


class PointWithSeries(PointOut):
    series: list[SeriesOut] = Field(description="Those whose data the person may read")


class Points(Schema):
    rows: list[PointOut]
    next: str


class Rule(Schema):
    id: str
    citation: str
    confidence: str


class Observation(Schema):
    series: str
    factor: str
    start: str = Field(description="Beginning of the period")
    value: float | None = Field(description="What counts: own where it decides, else what was sent")
    unit: str
    own: float | None = Field(description="Computed by the platform from finer values")
    sent: float | None = Field(description="Sent by the device, or entered")
    minimum: float | None
    maximum: float | None
    total: float | None
    converted: float | None
    flag: str
    status: Literal["valid", "needs_look", "invalid", "missing", "suppressed", "substituted"]
    reason: str
    level: str
    used: int | None = Field(description="Values the own one is made of")
    due: int | None
    rule: Rule | None
    revision: int
    known_at: str | None
    origin: str
    data: Made


class MarkOut(Schema):
    kind: str
    series: list[str]
    start: str
    end: str
    reason: str
    author: str
    known_at: str


class Observations(Schema):
    point: str
    statistic: str
    from_: str = Field(serialization_alias="from")
    to: str
    as_of: str | None
    marks: list[MarkOut] = Field(
        description="In force on the series asked for, somewhere between from and to"
    )
    rows: list[Observation]
    next: str


class PointsAsked(Paged):
    element: Element | None = Field(None, description=_("Element of the environment"))
    kind: Kind | None = Field(None, description=_("Kind of monitoring point"))
    region: Word = Field("", description=_("Code of a region; what lies below it counts"))
    status: Literal["planned", "running", "stopped", "removed"] | None = Field(
        None, description=_("State of the point")
    )
    q: Word = Field("", description=_("Text in code or name"))


@router.get("/points", response=Points, summary=_("Monitoring points"))
def points(request: HttpRequest, asked: Query[PointsAsked]) -> dict[str, Any]:
    """Monitoring points in reach, by code."""
    found = in_region(network.points_visible_to(request.auth), asked.region)
    if asked.kind != SYNTHETIC:
        found = found.exclude(kind=SYNTHETIC)
    if asked.element:
        found = found.filter(kind__in=kinds_of(asked.element))
    if asked.kind:
        found = found.filter(kind=asked.kind)
    if asked.status:
        found = found.filter(status=asked.status)
    if words := asked.q.strip():
        found = found.filter(code__icontains=words) | found.filter(name__icontains=words)
    if behind := keys_of(asked.cursor, text):
        found = found.filter(code__gt=behind[0])
    rows, following = page(
        list(found.order_by("code")[: asked.limit + 1]), asked.limit, lambda one: (one.code,)
    )
    return {"rows": [_shown(one) for one in rows], "next": following}


def in_region(rows: QuerySet[Any], code: str, field: str = "region") -> QuerySet[Any]:
    """Keep what lies in a region or below it; everything without a code. Raises Http404 for no region of this node."""
    if not code:
        return rows
    region = Region.objects.filter(code=code).first()
    if region is None:
        raise Http404
    return rows.filter(**{f"{field}_id__in": account_rules.subtree({region.pk})})


def _shown(point: Point) -> dict[str, Any]:
    return {
        "code": point.code,
        "name": point.name,
        "kind": point.kind,
        "element": KINDS[point.kind].element,
        "level": point.level,
        "region": {"code": point.region.code, "name": point.region.name},
        "organisation": {"code": point.organisation.code, "name": point.organisation.name},
        "outlet": point.outlet.code if point.outlet else None,
        "longitude": point.longitude,
        "latitude": point.latitude,
        "status": point.status,
        "attributes": point.attributes,
        "notice": point.notice,
    }


@router.get("/points/{code}", response=PointWithSeries, summary=_("One monitoring point with its series"))
def point(request: HttpRequest, code: PointCode) -> dict[str, Any]:
    """A point in reach, and the series whose data may be read."""
    nothing(request)
    row = get_object_or_404(network.points_visible_to(request.auth), code=code)
    series = network.series_visible_to(request.auth).filter(point=row).order_by("code")
    return {**_shown(row), "series": [_of_series(one) for one in series]}


def _of_series(one: Series) -> dict[str, Any]:
    return {
        "code": one.code,
        "factor": one.factor.code,
        "factor_zh": one.factor.name_zh,
        "factor_en": one.factor.name_en,
        "unit": one.unit,
        "origin": one.origin,
        "position": one.position,
        "data": made(label_of([one])),
        "notice": one.notice,
    }


def made(label: dict[str, str] | None) -> str:
    """Return whether values were measured, replayed or simulated, as the pages label them."""
    return label["data"] if label else "measured"


class ObservationsAsked(Asked):
    series: Words = Field([], description=_("Codes of series; all that may be read when none is given"))
    factor: Words = Field([], description=_("Codes of factors"))
    statistic: Statistic = Field("hour", description=_("Length of the periods"))
    from_: Moment | None = Field(None, alias="from", description=_("Periods that begin then or later"))
    to: Moment | None = Field(None, description=_("Periods that begin before then; now when none is given"))
    as_of: Moment | None = Field(
        None, description=_("What was known at that moment, also of marks and the register")
    )
    limit: int = Field(500, ge=1, le=2000, description=_("Rows of a page"))
    cursor: Word = Field("", description=_("next of the page before; empty for the first"))


@router.get(
    "/points/{code}/observations",
    response=Observations,
    by_alias=True,
    summary=_("Values of a monitoring point"),
)
def observations(request: HttpRequest, code: PointCode, asked: Query[ObservationsAsked]) -> dict[str, Any]:
    """Values with status, reason, level and origin as the pages show them, by time and series."""
    row = get_object_or_404(network.points_visible_to(request.auth), code=code)
    series = _chosen(request.auth, row, asked)
    end = asked.to or now()
    start = asked.from_ or end - timedelta(days=USUAL[asked.statistic])
    behind = keys_of(asked.cursor, instant, text)
    _require_small(series, asked.statistic, start, end)
    by_number = {one.pk: one for one in series}
    values, places = _read(
        request.auth, by_number, asked, max(start, behind[0]) if behind else start, end, behind
    )
    held = places[: asked.limit]
    rows = [_observation(one, by_number[one["series"]]) for one in values.rows(held)]
    following = ""
    if len(places) > asked.limit:
        following = cursor_of(
            datetime.fromtimestamp(int(values.start[held[-1]]), UTC).isoformat(), rows[-1]["series"]
        )
    return {
        "point": row.code,
        "statistic": asked.statistic,
        "from_": written(start),
        "to": written(end),
        "as_of": written(asked.as_of),
        "marks": _marks(row, {one.code for one in series}, start, end, asked.as_of),
        "rows": rows,
        "next": following,
    }


def _chosen(user: Any, point: Point, asked: ObservationsAsked) -> list[Series]:
    """Return the series asked for. Raises Http404 where one of them is not there to be read."""
    found = list(network.series_visible_to(user).filter(point=point).order_by("code"))
    if set(asked.series) - {one.code for one in found} or set(asked.factor) - {
        one.factor.code for one in found
    }:
        raise Http404
    return [
        one
        for one in found
        if (not asked.series or one.code in asked.series)
        and (not asked.factor or one.factor.code in asked.factor)
    ]


def _marks(
    point: Point, codes: set[str], start: datetime, end: datetime, as_of: datetime | None
) -> list[dict[str, Any]]:
    return [
        {
            "kind": mark.kind,
            "series": sorted(codes & set(mark.series)),
            "start": written(mark.start),
            "end": written(mark.end),
            "reason": mark.reason,
            "author": mark.author.name,
            "known_at": written(mark.known_at),
        }
        for mark in marks_in_force(point, start, end, as_of)
        if codes & set(mark.series)
    ]


def _require_small(series: Sequence[Series], statistic: str, start: datetime, end: datetime) -> None:
    if end <= start:
        raise ApiError(
            422,
            "bad-period",
            "参数 to 应晚于 from",
            "the parameter to must lie after from",
            parameters=["from", "to"],
        )
    periods = math.ceil((end - start).total_seconds() / SECONDS[statistic])
    if periods * len(series) > MOST_PERIODS:
        raise ApiError(
            422,
            "period-too-long",
            f"一次最多 {MOST_PERIODS} 个时段（参数数×时段数），请缩短时间或减少 series",
            f"at most {MOST_PERIODS} periods (series times periods) at a time: ask for a shorter time or fewer series",
            parameters=["from", "to", "series"],
        )


def _read(
    user: Any,
    series: dict[int, Series],
    asked: ObservationsAsked,
    first: datetime,
    end: datetime,
    behind: list[Any] | None,
) -> tuple[Values, list[int]]:
    """Return values from a moment on with the entries of a page in order, and at least one more where there is one.

    Values are judged period by period, so no more of them is read than a page holds; where values are missing, more.
    """
    span = timedelta(seconds=SECONDS[asked.statistic] * (asked.limit // max(1, len(series)) + 2))
    while True:
        until = min(end, first + span)
        values = page_values(user, list(series.values()), asked.statistic, first, until, asked.as_of)
        places = _in_order(values, series, behind)
        if until == end or len(places) > asked.limit:
            return values, places
        span *= 4


def _in_order(values: Values, series: dict[int, Series], behind: list[Any] | None) -> list[int]:
    """Return the entries by time and code of the series, those behind a cursor only."""
    codes = {number: one.code for number, one in series.items()}
    keys = [
        (int(start), codes[int(number)]) for start, number in zip(values.start, values.series, strict=True)
    ]
    last = (int(behind[0].timestamp()), behind[1]) if behind else None
    return sorted(
        (place for place, key in enumerate(keys) if last is None or key > last), key=keys.__getitem__
    )


def _observation(row: dict[str, Any], series: Series) -> dict[str, Any]:
    rule = row["rule"]
    return {
        "series": series.code,
        "factor": series.factor.code,
        "start": written(row["start"]),
        **{name: row[name] for name in ("value", "own", "sent", "minimum", "maximum", "total", "converted")},
        "unit": series.unit,
        "flag": row["flag"] or "",
        "status": row["verdict"].name.lower(),
        "reason": row["reason"],
        "level": str(row["level"]["text"]),
        "used": row["count"] if row["count"] >= 0 else None,
        "due": row["due"] if row["due"] >= 0 else None,
        "rule": {"id": rule.id, "citation": rule.citation, "confidence": rule.confidence.value}
        if rule
        else None,
        "revision": row["revision"],
        "known_at": written(row["known_at"]),
        "origin": series.origin,
        "data": made(label_of([series])),
    }
