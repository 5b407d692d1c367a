"""Pages of data: points, charts, provenance, devices, alerts, live stream."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import BadRequest, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing import (
    charts,
    correcting,
    data_columns,
    handling,
    present,
    provenance,
    queries,
    replayed,
    rules,
    series_panel,
    services,
    stores,
    words,
)
from qingjian.apps.observing.forms import MarkForm
from qingjian.apps.observing.models import Correction, Mark
from qingjian.apps.observing.values import page_values
from qingjian.contracts.current import clock, now
from qingjian.ui.asked import moment
from qingjian.ui.listing import workbook_response
from qingjian.ui.newest import newest

MOST_SERIES = 60
MOST_DRAWN = 6
MOST_COMPARABLE = 300
ALERTS_SHOWN = 20
MOST_MARKS = 30
EVERY = 5_000
MOST_ROWS = 500
MOST_EXPORTED = 50_000
"""Values in a workbook: a month of minutes; more would keep the page's process busy for minutes."""
LIVE_SECONDS = 2.0
LIVE_OVERLAP = timedelta(minutes=1)
"""A stream begins so much earlier: a value is received before it is written. What a page shows already stays as it is."""
LONGEST_MISSED = timedelta(days=2)
LIVE_ASKED_SECONDS = 10.0
"""How often a live stream asks whether its reader is still signed in, and what may be read."""


def point(request: HttpRequest, code: str) -> HttpResponse:
    """A point: latest values, chart, facts, duties, marks, alerts, history."""
    row = get_object_or_404(network.points_visible_to(request.user), code=code)
    series = series_panel.ordered(network.series_visible_to(request.user).filter(point=row))
    rows = series_panel.rows_of(request.user, series)
    chart = series_panel.panel(
        request, [("", rows)], comparable=_comparable(request, row, [one["series"] for one in rows])
    )
    context = {
        "point": row,
        "title": row.name,
        "rows": rows,
        "chart": chart,
        "duties": network.in_force(row.duties.select_related("organisation")),
        "instruments": network.in_force(row.instruments.all()),
        "attributes": network.attributes_of(row),
        "devices": network.in_force(row.devices.all()),
        "marks": newest(queries.marks_of(row), MOST_MARKS if request.GET.get("marks") != "all" else EVERY),
        "mark_form": MarkForm(
            series=series,
            initial={
                "start": timezone.localtime(now()).replace(minute=0, second=0, microsecond=0)
                - timedelta(hours=1),
                "end": timezone.localtime(now()).replace(minute=0, second=0, microsecond=0),
            },
        )
        if account_rules.may(
            request.user, Capability.MARK_DATA, region=row.region, organisation_id=row.organisation_id
        )
        else None,
        "alerts": handling.shown(
            request.user, queries.alerts_visible_to(request.user).filter(point=row), ALERTS_SHOWN
        ),
        "history": network.history_shown("point", row.code, whole=request.GET.get("history") == "all"),
        "may_propose": account_rules.may(
            request.user, Capability.PROPOSE_REGISTRY, region=row.region, organisation_id=row.organisation_id
        ),
        "now": now(),
    }
    return render(request, "observing/point.html", context)


def _comparable(request: HttpRequest, point: Point, series: list[Series]) -> list[tuple[str, str]]:
    """Return (code, text) of the series of the same factors at other points, for the chart to hold beside."""
    others = newest(
        network.series_visible_to(request.user)
        .filter(factor__in={one.factor_id for one in series})
        .exclude(point=point)
        .exclude(origin="platform")
        .order_by("factor__code", "point__code", "position"),
        MOST_COMPARABLE,
    )
    found = [
        (
            one.code,
            f"{one.factor} · {one.point.name}"
            + (f" ({one.get_origin_display()})" if one.origin == "simulated" else ""),
        )
        for one in others
    ]
    return [*found, ("", _("… and %(count)d more") % {"count": others.more})] if others.more else found


def _selection(request: HttpRequest) -> tuple[list[Any], str, datetime, datetime, datetime | None]:
    """Return the series chosen in the order of choosing, statistic, period and moment of knowing."""
    codes = list(dict.fromkeys(request.GET.getlist("series")))
    if len(codes) > MOST_SERIES:
        raise BadRequest(_("Choose at most %(most)d series.") % {"most": MOST_SERIES})
    series = list(network.series_visible_to(request.user).filter(code__in=codes))
    series.sort(key=lambda one: codes.index(one.code))
    if not series:
        raise Http404
    statistic = request.GET.get("statistic", "hour")
    if statistic not in words.STATISTICS:
        raise BadRequest(_("Unknown statistic."))
    end = moment(request, "to") or now()
    start = (
        moment(request, "from")
        or end - series_panel.RANGES.get(request.GET.get("range", "week"), series_panel.RANGES["week"])[0]
    )
    if end <= start or end - start > timedelta(days=3700):
        raise BadRequest(_("The end must lie after the beginning."))
    return series, statistic, start, end, moment(request, "as_of")


def chart_data(request: HttpRequest) -> HttpResponse:
    series, statistic, start, end, as_of = _selection(request)
    answer = charts.chart(request.user, series[:MOST_DRAWN], statistic, start, end, as_of)
    if len(series) > MOST_DRAWN:
        answer["left_out"] = _(
            "Only the first %(most)d of the %(count)d chosen series are drawn; the table and the export have all."
        ) % {"most": MOST_DRAWN, "count": len(series)}
    return JsonResponse(answer)


def data_table(request: HttpRequest) -> HttpResponse:
    """The same data as a table fragment, or as a workbook with `export=xlsx`."""
    series, statistic, start, end, as_of = _selection(request)
    values = page_values(request.user, series, statistic, start, end, as_of)
    by_id = {one.pk: one for one in series}
    if request.GET.get("export") == "xlsx":
        if len(values) > MOST_EXPORTED:
            raise BadRequest(
                _(
                    "%(count)d values are too many for one workbook (at most %(most)d). Choose a shorter period, fewer"
                    " series or hours instead of minutes."
                )
                % {"count": len(values), "most": MOST_EXPORTED}
            )
        return workbook_response("data", data_columns.heads(), data_columns.lines(values, by_id))
    newest = np.argsort(-values.start, kind="stable")
    shown = [{**row, "row": by_id[row["series"]]} for row in values.rows(newest[:MOST_ROWS])]
    return render(
        request,
        "observing/data_table.html",
        {
            "rows": shown,
            "more": max(0, len(values) - MOST_ROWS),
            "statistic": statistic,
            "own": any(row["own"] is not None for row in shown),
            "as_of": request.GET.get("as_of", ""),
        },
    )


def value_provenance(request: HttpRequest) -> HttpResponse:
    """The drawer: a value, its revisions, and the frame each came from in text and hex."""
    series = get_object_or_404(network.series_visible_to(request.user), code=request.GET.get("series", ""))
    start = moment(request, "start")
    statistic = request.GET.get("statistic", "hour")
    as_of = moment(request, "as_of")
    if start is None or statistic not in words.STATISTICS:
        raise BadRequest
    value = provenance.value(request.user, series, statistic, start, as_of)
    steps = provenance.steps(series, statistic, start, as_of)
    waiting = queries.corrections_visible_to(request.user).filter(
        series=series, statistic=statistic, start=start, state=Correction.State.PROPOSED
    )
    return render(
        request,
        "observing/provenance.html",
        {
            "series": series,
            "start": start,
            "statistic": words.STATISTICS[statistic],
            "statistic_code": statistic,
            "as_of": as_of,
            "value": value,
            "inputs": words.STATISTICS.get(value["inputs"], "") if value else "",
            "original": replayed.original(series.code, start),
            "rule_text": provenance.rule_text(value["rule"]) if value and value["rule"] else "",
            "checks": provenance.checks(series, start, as_of),
            "conversion": provenance.conversion(request.user, series, statistic, start, as_of),
            "steps": steps,
            "waiting": waiting if as_of is None else (),
            "may_correct": bool(steps)
            and as_of is None
            and not waiting
            and rules.may_propose_correction(request.user, series.point)
            and correcting.is_correctable(series, statistic),
        },
    )


@require_POST
def mark_set(request: HttpRequest, code: str) -> HttpResponse:
    row = get_object_or_404(network.points_visible_to(request.user), code=code)
    form = MarkForm(request.POST, series=list(network.series_visible_to(request.user).filter(point=row)))
    if form.is_valid():
        try:
            services.set_mark(
                request.user,
                row,
                form.cleaned_data["series"],
                form.cleaned_data["start"],
                form.cleaned_data["end"],
                form.cleaned_data["kind"],
                form.cleaned_data["reason"],
            )
            messages.success(request, _("Mark set. The values themselves are unchanged."))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
    else:
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
    return redirect("point", code)


@require_POST
def mark_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    mark = get_object_or_404(Mark.objects.filter(point__in=network.points_visible_to(request.user)), pk=pk)
    try:
        services.set_mark(
            request.user,
            mark.point,
            mark.series,
            mark.start,
            mark.end,
            mark.kind,
            request.POST.get("reason", "") or str(_("Taken back")),
            supersedes=mark,
            withdrawn=True,
        )
        messages.success(request, _("Mark taken back; it stays in the history."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("point", mark.point.code)


def _reader(session_key: str | None) -> Any:
    """Return who is signed in with a session now: nobody after signing out, a new password or the closing of the account."""
    asked = HttpRequest()
    asked.session = SessionStore(session_key)
    return get_user(asked)


def _readable(session_key: str | None) -> frozenset[int] | None:
    """Return the series whoever is signed in with a session may read now, None when nobody is."""
    # A page's memory of posts must not outlive the page.
    with account_rules.reading_once():
        user = _reader(session_key)
        if not user.is_authenticated:
            return None
        return frozenset(network.series_visible_to(user).values_list("pk", flat=True))


async def live(request: HttpRequest) -> HttpResponse:
    """Server-sent events: the latest values that changed, for the series this person may read.

    What may be read is asked at the start and every few seconds; otherwise the stream touches the latest store only.
    """
    session_key = request.session.session_key
    allowed = await sync_to_async(_readable)(session_key)
    if allowed is None:
        return HttpResponse(status=401)
    since = _told_until(request.headers.get("Last-Event-ID") or request.GET.get("since", ""))
    if request.GET.get("once"):
        values = await asyncio.to_thread(LiveValues(since).changed, allowed)
        return JsonResponse(values or [], safe=False)
    return StreamingHttpResponse(
        _events(session_key, allowed, since),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


def _told_until(text: str) -> datetime:
    """Return from when on values are told: since the moment a browser names, with what was received before and written later."""
    present_moment = now()
    try:
        named = datetime.fromtimestamp(int(text) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        named = present_moment
    return min(max(named, present_moment - LONGEST_MISSED), present_moment) - LIVE_OVERLAP


async def _events(session_key: str | None, allowed: frozenset[int], since: datetime | None = None) -> Any:
    shown = LiveValues(since or now() - LIVE_OVERLAP)
    started = asked = clock().monotonic()
    while clock().monotonic() < started + 3600:
        if clock().monotonic() >= asked + LIVE_ASKED_SECONDS:
            asked = clock().monotonic()
            readable = await sync_to_async(_readable)(session_key)
            if readable is None:
                return
            allowed = readable
        moment_told = int(now().timestamp() * 1000)
        values = await asyncio.to_thread(shown.changed, allowed)
        if values is not None:
            yield f"id: {moment_told}\nevent: values\ndata: {json.dumps(values)}\n\n"
        else:
            yield ": still here\n\n"
        await clock().sleep(LIVE_SECONDS)


class LiveValues:
    """What one stream has shown of the latest values."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._change = -1
        self._shown: frozenset[int] | None = None

    def changed(self, allowed: frozenset[int]) -> list[list[Any]] | None:
        """Return the values of the series that were written since the last call, None when nothing was written.

        Asked by what was shown, not by time: a value received earlier may be written later than another one.
        """
        store = stores.latest()
        change = store.change_number()
        if change == self._change:
            return None
        rows = store.read()
        before, self._shown = self._shown, frozenset(map(hash, rows))
        self._change = change
        return [
            [
                row.series,
                row.statistic,
                int(row.start.timestamp() * 1000),
                row.value,
                row.flag,
                int(present.period_end(row).timestamp() * 1000),
            ]
            for row in rows
            if row.series in allowed
            and (row.known_at >= self._since if before is None else hash(row) not in before)
        ]
