"""Pages of rule sets: versions, what differs, trying one on the past, switching it on."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.integrity import queries, rules, words
from qingjian.apps.integrity.forms import ReasonForm, RuleSetForm
from qingjian.apps.integrity.models import RuleSet, Suspect, Trial
from qingjian.apps.integrity.services import rulesets
from qingjian.ui.listing import workbook_response


def rule_sets(request: HttpRequest) -> HttpResponse:
    """Every version with who wrote and who switched it on."""
    rules.require_clues(request.user)
    active = rulesets.active()
    rows = list(queries.rule_sets())
    if request.GET.get("export") == "xlsx":
        heads = [str(RuleSet._meta.get_field(name).verbose_name) for name in RuleSet.SETTINGS]
        return workbook_response(
            "rule-sets",
            [
                _("Version"),
                *heads,
                _("Reason"),
                _("Author"),
                _("Written"),
                _("Switched on"),
                _("Switched on by"),
            ],
            (
                [
                    one.version,
                    *(words.setting(getattr(one, name)) for name in RuleSet.SETTINGS),
                    one.reason or _("as delivered"),
                    one.author.name if one.author else "",
                    one.created_at,
                    one.activated_at,
                    one.activated_by.name if one.activated_by else "",
                ]
                for one in rows
            ),
        )
    context = {
        "title": _("Rule sets of screening"),
        "rows": rows,
        "active": active,
        "may_set_rules": rules.may_set_rules(request.user),
    }
    return render(request, "integrity/rule_sets.html", context)


def rule_set(request: HttpRequest, version: int) -> HttpResponse:
    """One version: its settings beside those in force, its trials, and switching it on."""
    rules.require_clues(request.user)
    row = get_object_or_404(queries.rule_sets(), version=version)
    active = rulesets.active()
    trials = list(queries.trials().filter(rules=row))
    shown = request.GET.get("trial", "")
    trial = next((one for one in trials if str(one.pk) == shown), trials[0] if trials else None)
    if request.GET.get("export") == "xlsx" and trial is not None:
        return _trial_workbook(request.user, trial)
    context = {
        "title": _("Rule set %(version)s") % {"version": row.version},
        "row": row,
        "active": active,
        "in_force": row == active,
        "settings": [
            (
                RuleSet._meta.get_field(name).verbose_name,
                words.setting(getattr(row, name)),
                words.setting(getattr(active, name)),
                getattr(row, name) != getattr(active, name),
            )
            for name in RuleSet.SETTINGS
        ],
        "activations": queries.activations(row),
        "trials": trials,
        "trial": trial,
        "numbers": _numbers(trial) if trial else [],
        "by_rule": _by_rule(trial) if trial else [],
        "decided": trial.result["decided"] if trial else {},
        "differences": _differences(request.user, trial) if trial else [],
        "form": ReasonForm(),
        "may_set_rules": rules.may_set_rules(request.user),
        "own": not rulesets.may_switch_on(request.user, row),
    }
    return render(request, "integrity/rule_set.html", context)


def _numbers(trial: Trial) -> list[tuple[str, int, int]]:
    present, tried = trial.result["present"], trial.result["tried"]
    names = {**dict(Suspect.Outcome.choices), "clue": _("Suspects that ask a person")}
    rows = [(_("Suspects"), present["suspects"], tried["suspects"])]
    before, after = dict(present["outcomes"]), dict(tried["outcomes"])
    rows.extend(
        (str(names[code]), before.get(code, 0), after.get(code, 0))
        for code in names
        if code in before or code in after
    )
    rows.append((_("Clues, factors of one point joined"), present["clues"], tried["clues"]))
    return rows


def _by_rule(trial: Trial) -> list[tuple[str, int, int]]:
    before = {(rule, kind): count for rule, kind, count in trial.result["present"]["by_rule"]}
    after = {(rule, kind): count for rule, kind, count in trial.result["tried"]["by_rule"]}
    return [
        (f"{words.rule_title(rule)} · {words.kind_title(kind)}", before.get(key, 0), after.get(key, 0))
        for key in sorted(before | after)
        for rule, kind in (key,)
    ]


def _difference(row: list[Any]) -> dict[str, Any]:
    code, point, zh, en, simulated, rule, kind, first, last, score = row
    return {
        "code": code,
        "point": point,
        "point_code": code.split(".")[0],
        "factor": en if words.english() else zh,
        "simulated": simulated,
        "what": f"{words.rule_title(rule)} · {words.kind_title(kind)}",
        "first": first,
        "last": last,
        "score": score,
    }


def _differences(user: Any, trial: Trial) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the findings of a trial that only one of the two makes, at points whose clues the person may see."""
    seen = queries.codes_of_clues(user)
    return [
        (title, [_difference(one) for one in trial.result[name] if one[0] in seen])
        for title, name in (
            (_("Only the tried rule set finds"), "only_tried"),
            (_("Only the rule set in force finds"), "only_present"),
        )
    ]


def _trial_workbook(user: Any, trial: Trial) -> HttpResponse:
    heads = [_("Line"), _("In force"), _("Tried")]
    rows: list[list[Any]] = [
        [title, before, after] for title, before, after in (*_numbers(trial), *_by_rule(trial))
    ]
    for title, found in _differences(user, trial):
        rows.append([title])
        for one in found:
            rows.append([f"{one['point']} {one['factor']}", one["what"], f"{one['first']} – {one['last']}"])
    return workbook_response(f"trial-{trial.pk}", [str(one) for one in heads], rows)


def write(request: HttpRequest) -> HttpResponse:
    """Write a new version."""
    if not rules.may_set_rules(request.user):
        raise PermissionDenied
    active = rulesets.active()
    form = RuleSetForm(
        request.POST or None, initial={name: getattr(active, name) for name in RuleSet.SETTINGS}
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = rulesets.write(request.user, form.settings(), form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Written. Try it on the past before switching it on."))
            return redirect("rule-set", made.version)
    context = {
        "title": _("New rule set"),
        "form": form,
        "intro": _("It starts from the settings in force and changes nothing before it is switched on."),
        "back": "rule-sets",
    }
    return render(request, "integrity/rule_set_new.html", context, status=400 if form.errors else 200)


@require_POST
def try_out(request: HttpRequest, version: int) -> HttpResponse:
    from qingjian.apps.integrity.services import trials

    row = get_object_or_404(queries.rule_sets(), version=version)
    try:
        trials.run(request.user, row)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("rule-set", version)


@require_POST
def switch_on(request: HttpRequest, version: int) -> HttpResponse:
    row = get_object_or_404(queries.rule_sets(), version=version)
    try:
        rulesets.switch_on(request.user, row, request.POST.get("reason", ""))
        messages.success(request, _("Switched on: it holds from the next screening on."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("rule-set", version)
