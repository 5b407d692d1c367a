"""All effective-dated settings in one list: what holds where and since when, who proposed and who approved it, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from qingjian.apps.network import models, queries, registered
from qingjian.apps.network.tables import STATE_COLOURS
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.ui.listing import Choice, Column, Listing, Search, sheets_response

KIND = registered.KINDS["setting"]
_CHUNK = 500
_HELD = {
    "now": (_("in force"), "green"),
    "future": (_("begins later"), "blue"),
    "past": (_("has ended"), "secondary"),
}


@dataclass(frozen=True, slots=True)
class _Words(Search):
    """Every word must be found in one of the fields: a point and a factor together name a series."""

    def apply(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        for word in text.split():
            # Called by name: a dataclass with slots is made twice, and the bare super() means the first one.
            rows = Search.apply(self, rows, word)
        return rows


def _of_time(rows: QuerySet[Any], held: str) -> QuerySet[Any]:
    at = now()
    begun = Q(valid_from=None) | Q(valid_from__lte=at)
    ended = Q(valid_to__lte=at)
    chosen = {"now": begun & ~ended, "future": Q(valid_from__gt=at), "past": ended}
    return rows.filter(chosen[held])


def _state_of(row: models.Setting) -> str:
    at = now()
    if row.valid_from is not None and row.valid_from > at:
        return "future"
    return "past" if row.valid_to is not None and row.valid_to <= at else "now"


def _point_of(row: models.Setting) -> models.Point:
    return row.series.point if row.series is not None else row.device.point


def _day(moment: datetime | None) -> date | datetime | None:
    """Return a moment as the day it begins, where it does."""
    local = None if moment is None else moment.astimezone(CHINA)
    return local.date() if local is not None and local.time() == time(0) else moment


def _change_of(row: Any) -> models.ChangeRequest | None:
    return row.recorded.change if row.recorded is not None else None


class SettingListing(Listing):
    title = _("Settings")
    name = "settings"
    model = models.Setting
    template = "network/settings.html"
    columns = (
        Column(
            "point",
            _("Monitoring point"),
            value=lambda row: _point_of(row).name,
            link=lambda row: reverse("point", args=(_point_of(row).code,)),
            order="",
        ),
        Column(
            "subject",
            _("Series or device"),
            value=lambda row: str(row.series.factor) if row.series else row.device.name,
            link=lambda row: (
                f"{reverse('point', args=(row.series.point.code,))}?series={row.series.code}"
                if row.series
                else reverse("device", args=(row.device.code,))
            ),
            order="series__code",
        ),
        Column("instrument", _("Instrument"), value=lambda row: row.instrument, order=""),
        Column("name", _("Setting"), value=lambda row: queries.setting_title(row.name), order="name"),
        Column("value", _("Value"), value=lambda row: f"{row.value} {row.unit}".strip(), order="value"),
        Column("valid_from", _("Valid from"), value=lambda row: _day(row.valid_from), order="valid_from"),
        Column("valid_to", _("Valid to"), value=lambda row: _day(row.valid_to), order="valid_to"),
        Column(
            "held",
            _("State"),
            value=lambda row: _HELD[_state_of(row)][0],
            badge=lambda row: _HELD[_state_of(row)][1],
            order="",
        ),
        Column("origin", _("Known from"), value=lambda row: row.get_origin_display(), order="origin"),
        Column(
            "author",
            _("Proposed by"),
            value=lambda row: str(one.author) if (one := _change_of(row)) else "",
            order="",
        ),
        Column(
            "decided_by",
            _("Approved by"),
            value=lambda row: str(one.decided_by) if (one := _change_of(row)) and one.decided_by else "",
            order="",
        ),
        Column(
            "recorded_at",
            _("Recorded"),
            value=lambda row: row.recorded.recorded_at if row.recorded else None,
            order="",
        ),
        Column(
            "reason",
            _("Reason"),
            value=lambda row: (
                one.reason if (one := _change_of(row)) else _("First set-up") if row.recorded else ""
            ),
            link=lambda row: reverse("change", args=(one.pk,)) if (one := _change_of(row)) else None,
            order="",
        ),
    )
    filters = (
        _Words(
            (
                "series__point__name",
                "series__point__code",
                "series__code",
                "series__factor__name_zh",
                "series__factor__name_en",
                "series__factor__wire_code",
                "series__device__code",
                "device__code",
                "device__name",
                "device__mn",
                "device__point__name",
                "device__point__code",
                "name",
                "value",
            )
        ),
        Choice(
            "name",
            _("Setting"),
            lambda: sorted(
                (name, queries.setting_title(name))
                for name in models.Setting.objects.order_by().values_list("name", flat=True).distinct()
            ),
        ),
        Choice(
            "held",
            _("State"),
            lambda: [(name, text) for name, (text, _colour) in _HELD.items()],
            use=_of_time,
        ),
        Choice("origin", _("Known from"), lambda: models.Setting._meta.get_field("origin").choices),
    )
    empty_text = _("No setting has been registered within your posts.")

    def selected(self) -> Any:
        return _WithHistory(super().selected())

    def waiting(self) -> list[dict[str, Any]]:
        """Return the settings that are proposed and not yet decided, newest first."""
        lines = (
            models.ChangeLine.objects.filter(
                kind=KIND.name,
                request__state=models.ChangeRequest.State.PROPOSED,
                request__in=queries.changes_visible_to(self.request.user),
            )
            .select_related("request__author")
            .order_by("-request_id", "id")
        )
        return [
            {
                "change": line.request,
                "subject": line.after.get("series") or line.after.get("device") or "",
                "name": queries.setting_title(line.after.get("name", "")),
                "before": _text(line.before),
                "after": _text(line.after),
                "valid_from": (line.after.get("valid_from") or "")[:10],
                "colour": STATE_COLOURS[line.request.state],
            }
            for line in lines
        ]

    def answer(self, extra: dict[str, Any]) -> HttpResponse:
        """Return the page, or the workbook with what holds and what waits."""
        waiting = self.waiting()
        if self.request.GET.get("export") != "xlsx":
            return self.response({**extra, "waiting": waiting})
        heads = [_("Series or device"), _("Setting"), _("Before"), _("After"), _("Valid from")]
        heads += [_("Proposed by"), _("Proposed at"), _("Reason")]
        rows = [
            [
                *(one[name] for name in ("subject", "name", "before", "after", "valid_from")),
                str(one["change"].author),
                one["change"].created_at,
                one["change"].reason,
            ]
            for one in waiting
        ]
        return sheets_response(
            self.name,
            [
                (str(self.title), [str(column.title) for column in self.columns], self._export_rows()),
                (str(_("Waiting for approval")), [str(head) for head in heads], rows),
            ],
        )


def _text(fields: dict[str, Any] | None) -> str:
    return "" if fields is None else f"{fields.get('value') or ''} {fields.get('unit') or ''}".strip()


class _WithHistory:
    """Rows with who set them and which instrument they concern, added while they are read."""

    ordered = True

    def __init__(self, rows: QuerySet[models.Setting]) -> None:
        self._rows = rows

    def count(self) -> int:
        return self._rows.count()

    def __getitem__(self, part: slice) -> list[Any]:
        return list(_attached(self._rows[part]))


def _attached(rows: Iterable[models.Setting]) -> Iterator[Any]:
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield from _attach(chunk)
            chunk = []
    yield from _attach(chunk)


def _attach(rows: list[Any]) -> list[Any]:
    keys = {row.pk: registered.key_text(KIND, registered.plain(KIND, row)) for row in rows}
    versions: dict[str, models.Version] = {}
    for one in models.Version.objects.select_related("change__author", "change__decided_by").filter(
        kind=KIND.name, key__in=set(keys.values())
    ):
        versions.setdefault(one.key, one)
    instruments: dict[int, list[models.Instrument]] = {}
    for one in models.Instrument.objects.filter(point__in={_point_of(row).pk for row in rows}):
        instruments.setdefault(one.point_id, []).append(one)
    for row in rows:
        row.recorded = versions.get(keys[row.pk])
        own = queries.in_force(instruments.get(_point_of(row).pk, ()), row.valid_from)
        row.instrument = next((one.name for one in own if _measures(one, row)), "")
    return rows


def _measures(instrument: models.Instrument, row: models.Setting) -> bool:
    if row.series is None:
        return False
    return any(
        name and name in instrument.factors
        for name in (row.series.factor.name_zh, row.series.factor.wire_code)
    )


def response(request: HttpRequest, extra: dict[str, Any]) -> HttpResponse:
    """Answer a request for the list."""
    return SettingListing(request, queries.settings_visible_to(request.user)).answer(extra)
