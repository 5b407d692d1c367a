"""What a change of the rules or the registry changed: which rows, which days were evaluated again, and every result that differs."""

from __future__ import annotations

from datetime import time
from typing import Any

from django.db.models import BooleanField, DateTimeField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import queries, sheets, words
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.elements import ELEMENT_RULES
from qingjian.apps.evaluation.models import Evaluation, RuleChange
from qingjian.apps.network.queries import ATTRIBUTES
from qingjian.apps.network.registered import KINDS, Kind
from qingjian.contracts.clock import CHINA
from qingjian.ui.listing import workbook_response

SHOWN = 200
EXPORTED = 20_000


def said(row: Evaluation | None) -> str:
    """Return a result in a word, whatever its kind."""
    if row is None:
        return "–"
    if row.kind in sheets.FACES:
        return f"{sheets.face(row).text} {sheets.responsible(row)}".strip()
    if row.aqi is not None:
        return f"AQI {row.aqi} {words.category(row.category)}" if row.publishable else "AQI NA"
    if row.water_class:
        return row.water_class
    if row.exceeds is not None:
        return _("Exceeds") if row.exceeds else _("Within the limits")
    return "–"


def said_now(row: Evaluation, before: Evaluation | None) -> str:
    """Return a result beside the one before it, in words: where both say the same, that only what they rest on is another."""
    text = said(row)
    return text if text != said(before) else _("%(result)s (only the basis changed)") % {"result": text}


def rule_changes(request: HttpRequest) -> HttpResponse:
    """List the changes of rulebook, permit limits and points that this office has seen."""
    account_rules.require(request.user, Capability.VIEW_REGISTRY)
    changes = queries.rule_changes_visible_to(request.user)
    if request.GET.get("export") == "xlsx":
        heads = [_("Seen at"), _("Changed in"), _("Monitoring point"), _("Changed rows")]
        return workbook_response(
            "rule-changes",
            [*heads, _("Evaluated again"), _("Results that differ"), _("Still to do")],
            (
                [
                    one.at,
                    str(one.get_source_display()),
                    str(one.point or ""),
                    len(one.rows),
                    _stretches_text(one.done),
                    sum(part["results"] for part in one.done),
                    _stretches_text(one.todo),
                ]
                for one in changes.defer("snapshot")[:EXPORTED]
            ),
        )
    changes = changes[:100]
    return render(
        request,
        "evaluation/rule_changes.html",
        {
            "title": _("Changed rules and results"),
            "changes": [(one, _stretches(one.done), _stretches(one.todo)) for one in changes],
        },
    )


def failures(request: HttpRequest) -> HttpResponse:
    """List what an error stopped in the evaluation, and what is tried again."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    rows = queries.failures_visible_to(request.user)
    if request.GET.get("export") == "xlsx":
        heads = [_("Part"), _("Step"), _("Monitoring point"), _("From"), _("To"), _("Error")]
        heads += [_("Since"), _("Last tried"), _("Attempts")]
        return workbook_response(
            "failed-evaluations",
            heads,
            (
                [
                    str(_part(one.element)),
                    str(one.get_step_display()),
                    str(one.point or ""),
                    one.first,
                    one.last,
                    one.error,
                    one.first_at,
                    one.at,
                    one.attempts,
                ]
                for one in rows
            ),
        )
    return render(
        request,
        "evaluation/failures.html",
        {
            "title": _("Failed evaluations"),
            "failures": [(one, _part(one.element)) for one in rows[:SHOWN]],
            "count": rows.count(),
        },
    )


def _part(element: str) -> Any:
    if element in ELEMENT_RULES:
        return ELEMENT_RULES[element].title
    return RuleChange.Source(element).label if element in RuleChange.Source.values else element


def rule_change(request: HttpRequest, pk: int) -> HttpResponse:
    """One change: rows before and after, and earlier and present outcome of every result that differs."""
    account_rules.require(request.user, Capability.VIEW_REGISTRY)
    change = get_object_or_404(queries.rule_changes_visible_to(request.user), pk=pk)
    results = queries.evaluations_visible_to(request.user).filter(rule_change=change)
    if request.GET.get("export") == "xlsx":
        heads = [_("Kind"), _("Monitoring point"), _("Period"), _("Before"), _("Now"), _("Revision")]
        return workbook_response(
            f"rule-change-{change.version}",
            heads,
            (
                [
                    str(row.get_kind_display()),
                    str(row.point or row.region),
                    day_of(row.start),
                    said(before),
                    said_now(row, before),
                    row.revision,
                ]
                for row, before in queries.with_before(results.defer("trace")[:EXPORTED])
            ),
        )
    rows = [_shown(one) for one in change.rows[:SHOWN]]
    return render(
        request,
        "evaluation/rule_change.html",
        {
            "title": _("Changed rules and results"),
            "change": change,
            "rows": rows,
            "count": results.count(),
            "results": [
                {"row": row, "before": before, "said": said_now(row, before), "said_before": said(before)}
                for row, before in queries.with_before(results.defer("trace")[:SHOWN])
            ],
            "done": _stretches(change.done),
            "todo": _stretches(change.todo),
            "shown": SHOWN,
        },
    )


def _stretches(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "title": ELEMENT_RULES[one["element"]].title} for one in given]


def _stretches_text(given: list[dict[str, Any]]) -> str:
    return "; ".join(f"{one['title']} {one['first']} – {one['last']}" for one in _stretches(given))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    if row.get("kind") == "program":
        return {**row, "citation": row["citation_en" if queries.language() == "en" else "citation"]}
    differs = _differs(row["before"], row["after"])
    kind = KINDS.get(row.get("kind", ""))
    if kind is None:
        return {**row, "differs": differs}
    return {
        **row,
        "citation": f"{kind.title} {_key(kind, row['citation'])}",
        "differs": [
            (_titled(kind, name), _read(kind, name, old), _read(kind, name, new))
            for name, old, new in differs
        ],
    }


def _key(kind: Kind, key: str) -> str:
    parts = key.split("|")
    if len(parts) != len(kind.key):
        return key
    return " · ".join(_read(kind, name, part) for name, part in zip(kind.key, parts, strict=True))


def _read(kind: Kind, name: str, value: str) -> str:
    """Return a field as people read it: names of choices, Chinese days and times, yes and no."""
    if name not in kind.fields or not value:
        return value
    field = kind.model._meta.get_field(name)
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(field, BooleanField):
        return _("Yes") if value == "True" else _("No")
    moment = parse_datetime(value) if isinstance(field, DateTimeField) else None
    if moment is None:
        return value
    local = moment.astimezone(CHINA)
    return f"{local:%Y-%m-%d}" if local.time() == time.min else f"{local:%Y-%m-%d %H:%M}"


def _titled(kind: Kind, name: str) -> str:
    return kind.field_title(name) if name in kind.fields else str(ATTRIBUTES.get(name, name))


def _differs(before: dict[str, str] | None, after: dict[str, str] | None) -> list[tuple[str, str, str]]:
    """Return (column, before, after) of the columns that a person would look at."""
    old, new = before or {}, after or {}
    names = [name for name in dict.fromkeys([*old, *new]) if name not in ("source", "basis", "note")]
    return [
        (name, old.get(name, ""), new.get(name, ""))
        for name in names
        if old.get(name, "") != new.get(name, "")
    ]
