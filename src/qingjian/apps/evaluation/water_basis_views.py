"""The page "another basis" of surface water: sections by the classes of another edition or document beside those of the date."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import queries, words
from qingjian.apps.evaluation.asked import period_of
from qingjian.apps.evaluation.bases import water as bases
from qingjian.apps.evaluation.bases.lines import Line
from qingjian.apps.evaluation.explained import drawer
from qingjian.apps.evaluation.pages import choice, frame
from qingjian.apps.network.models import Point
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.periods import Period
from qingjian.standards.editions import Phase, in_force_on
from qingjian.standards.surface_water.items import STANDARD
from qingjian.ui import asked
from qingjian.ui.listing import sheets_response


def _asked(request: HttpRequest) -> tuple[Period, tuple[Phase, ...], Phase | None]:
    """Return period, every basis, and the one beside that of the date; None where the rulebook holds nothing else."""
    period = period_of(request, None)
    choices = bases.choices(rulebook())
    if len(choices) < 2:
        names = [bases.key(one) for one in choices]
        asked.one_of(request, "basis", names, next(iter(names), ""))
        return period, choices, None
    own = _own(choices, period)
    usual = next((one for one in choices if one not in own), choices[-1])
    name = asked.one_of(request, "basis", [bases.key(one) for one in choices], bases.key(usual))
    return period, choices, next(one for one in choices if bases.key(one) == name)


def _own(choices: tuple[Phase, ...], period: Period) -> list[Phase]:
    national = [one for one in choices if one.standard == STANDARD]
    return in_force_on(national, period.first, period.last)


def _points(request: HttpRequest) -> list[Point]:
    account_rules.require(request.user, Capability.VIEW_DATA)
    return [one["point"] for one in queries.water_sections(request.user)]


def water_basis(request: HttpRequest) -> HttpResponse:
    """Show the sections of a period on the edition of its date and on another basis."""
    points = _points(request)
    period, choices, phase = _asked(request)
    found = [] if phase is None else bases.over(points, period, phase)
    lines = _lines(found)
    query = {"span": period.span, "at": period.first.isoformat()}
    if phase is not None:
        query["basis"] = bases.key(phase)
    own = _own(choices, period)
    if request.GET.get("export") == "xlsx":
        return _workbook(period, own, phase, found, lines)
    documents = "、".join(one.document for one in own)
    context = frame(
        _("Another basis"),
        "basis",
        query=urlencode(query),
        phase=phase,
        own=documents,
        found=found,
        lines=lines,
        differing=sum(one.differs for one in found),
        same=phase in own and len(own) == 1,
        **choice(
            period,
            []
            if phase is None
            else [(bases.key(one), _titled(one, one in own), one == phase) for one in choices],
            {},
            _(
                "The rulebook holds one edition only: %(document)s. There is no other basis to choose. A newer edition, or a local document with a limit for each class, appears here as soon as it is approved under Limits."
            )
            % {"document": documents or STANDARD},
        ),
    )
    return render(request, "evaluation/water_basis.html", context)


def _titled(phase: Phase, own: bool) -> str:
    since = " · " + _("in force from %(day)s") % {"day": phase.since} if phase.since else ""
    return f"{phase.document}{since}" + (" · " + _("basis of the date") if own else "")


def _lines(found: list[bases.Section]) -> list[Line]:
    lines = [
        Line(
            _("Sections judged"),
            sum(bool(one.present) for one in found),
            sum(one.other is not None for one in found),
        )
    ]
    for name in words.CLASS_COLOURS:
        counts = (
            sum(one.present == name for one in found),
            sum(one.other is not None and one.other.cls == name for one in found),
        )
        if any(counts):
            lines.append(Line(_("class %(name)s") % {"name": name}, *counts))
    lines.append(
        Line(
            _("Targets reached"),
            sum(one.present_reached is True for one in found),
            sum(one.other is not None and one.other.reached is True for one in found),
        )
    )
    return lines


def _workbook(
    period: Period, own: list[Phase], phase: Phase | None, found: list[bases.Section], lines: list[Line]
) -> HttpResponse:
    documents = "、".join(one.document for one in own)
    basis: list[list[Any]] = [
        [_("Period"), period.title()[queries.language()]],
        [_("Basis of the date"), documents],
        [
            _("Other basis"),
            _("The rulebook holds one edition only.") if phase is None else _titled(phase, False),
        ],
        [
            _("What counts"),
            _("The edition in force on the date of the data; the other basis is a comparison."),
        ],
    ]
    heads = [_("Section"), _("Target class")]
    heads += [
        f"{name} ({side})"
        for side in (_("Basis of the date"), _("Other basis"))
        for name in (_("Class"), _("Deciding items"), _("Target reached"))
    ]
    heads.append(_("Differs"))
    rows = [
        [
            one.point.name,
            one.point.attributes.get("target_class", ""),
            one.present,
            words.items(one.present_items),
            one.present_reached,
            one.other.cls if one.other else "",
            words.items(one.other.decided_by) if one.other else "",
            one.other.reached if one.other else None,
            one.differs,
        ]
        for one in found
    ]
    compared = [_("Figure"), _("Basis of the date"), _("Other basis"), _("Difference")]
    sheets: list[tuple[str, list[Any], Any]] = [(_("Basis"), [_("Basis"), ""], basis)]
    if phase is not None:
        sheets += [
            (_("Side by side"), compared, [one.cells() for one in lines]),
            (_("Sections"), heads, rows),
        ]
    name = f"water-basis-{period.code}"
    return sheets_response(name if phase is None else f"{name}-{bases.key(phase).replace('/', '')}", sheets)


def water_basis_why(request: HttpRequest) -> HttpResponse:
    """The drawer: how the class of a section came about on another basis."""
    points = [one for one in _points(request) if one.code == request.GET.get("section")]
    period, _choices, phase = _asked(request)
    if phase is None:
        raise Http404
    for one in bases.over(points, period, phase):
        if one.other is not None:
            title = f"{one.other.cls} · {phase.document} · {period.title()[queries.language()]}"
            return drawer(request, title, one.point.name, one.other.trace.to_dict())
    raise Http404
