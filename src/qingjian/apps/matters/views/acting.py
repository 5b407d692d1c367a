"""The forms of a matter: opening it, its actions, signing."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms as django_forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from qingjian.apps.accounts import queries as accounts
from qingjian.apps.accounts.models import Region
from qingjian.apps.matters import (
    declarations,
    described,
    documents,
    forms,
    gates,
    queries,
    rules,
    services,
    tables,
    wording,
)
from qingjian.apps.matters.declarations import Action, Process
from qingjian.apps.matters.errors import NotAllowed, RefusedError
from qingjian.apps.matters.models import Matter
from qingjian.apps.matters.outside import Reading
from qingjian.apps.matters.services import files
from qingjian.apps.matters.services.clocks import stoppable
from qingjian.apps.matters.views.work import OWN_TITLES, find_matter
from qingjian.apps.matters.words import ACTIONS, CONFIDENTIALITIES, IN_ENGLISH
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Point
from qingjian.contracts.current import now


def kernel_form(request: HttpRequest, row: Matter, code: str) -> django_forms.Form | None:
    """Return the form of a kernel action, None when there is none."""
    data, uploaded = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    match code:
        case "attach":
            return forms.EvidenceForm(data, uploaded, matter=row)
        case "comment":
            inside = rules.is_inside(rules.reaches(request.user), row)
            return forms.NoteForm(data, may_show=inside and row.subject_id is not None)
        case "urge":
            return forms.NoteForm(data)
        case "void" | "withdraw-evidence" | "withdraw-disclosure":
            return forms.ReasonForm(data)
        case "assign":
            return forms.AssignForm(data, people=rules.handlers(row))
        case "request-stop":
            running = list(row.deadlines.filter(state="running"))
            return forms.StopForm(
                data,
                running=[
                    (one.code, wording.deadline_title(row.declaration, one.code, one.title))
                    for one in running
                ],
                initial={"start": now(), "codes": stoppable(running)},
            )
        case "approve-stop" | "refuse-stop":
            return forms.StopDecisionForm(data)
        case "resume":
            return django_forms.Form(data)
        case "link":
            return forms.LinkForm(data)
    return None


def act(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """Show the form of an action and take it. What was typed survives a refusal."""
    row = find_matter(request, pk)
    action = row.declaration.action(code)
    if action is not None and action.by_sheet:
        raise Http404
    form = (
        forms.data_form(action.fields, row)(
            request.POST if request.method == "POST" else None, initial=row.data
        )
        if action is not None
        else kernel_form(request, row, code)
    )
    if form is None:
        raise Http404
    status = 400 if form.errors else 200
    key = request.POST.get("key", "")
    if request.method == "POST" and form.is_valid():
        try:
            data = (
                forms.cleaned(form, action.fields)
                if action is not None
                else _kernel_data(request, row, code, form)
            )
            done = services.act(row, code, request.user, data, _version(request), key)
        except RefusedError as error:
            for text in error.messages:
                form.add_error(None, text)
            status, key = 400, _next_key(error, key)
        except NotAllowed as error:
            # A certificate or a post may have ended while the person wrote: what was typed is still there.
            form.add_error(None, str(error))
            status = 403
        else:
            if done.repeated:
                messages.info(request, _("This was done already; nothing was done twice."))
            else:
                messages.success(request, _("Done."))
            return redirect(_after(row, code))
    problem = _guard_problem(request.user, row, action)
    context = {
        "matter": row,
        "action": action,
        "title": action.title if action else OWN_TITLES.get(code, ACTIONS.get(code, code)),
        "hint": action.hint if action else "",
        "recalled": _recalled(request, row, action) if action else (),
        "form": form,
        "key": key or uuid.uuid4().hex,
        # A refused stale form keeps the version the person saw until the page is opened again.
        "version": request.POST.get("version") or row.version,
        "problem": problem,
        "evidence_needs": _evidence_needs(row, action),
        "about": _about(request, row, code),
        "publishes": wording.public_titles(row.declaration, action) if action else (),
        "follows": described.follows(row.declaration, action) if action else (),
        "on_phone": code == "attach",
        "tone": action.tone if action else "danger" if code in CONCERNS or code == "void" else "primary",
    }
    return render(request, "matters/act.html", context, status=status)


def _recalled(request: HttpRequest, row: Matter, action: Action) -> list[tuple[str, str]]:
    """Return what an action is about of what was entered before, as far as the person reads it."""
    data = Reading(row, rules.is_inside(rules.reaches(request.user), row)).data if action.recalls else {}
    names = [name for name in action.recalls if data.get(name)]
    return wording.data_rows(
        row, {one: data[one] for name in names for one in (name, name + IN_ENGLISH) if one in data}
    )


def _next_key(error: RefusedError, key: str) -> str:
    """Return the key the form carries on with: a new one where the old one has been used up by other content."""
    return "" if error.reason == "key" else key


CONCERNS = {"withdraw-evidence": "evidence", "withdraw-disclosure": "disclosure"}
"""Actions about one of several rows, with the name under which forms carry its key."""


def _about(request: HttpRequest, row: Matter, code: str) -> dict[str, Any] | None:
    """Return which row an action is about, chosen by a link on the page of the matter."""
    name = CONCERNS.get(code)
    key = (request.POST.get(name) or request.GET.get(name, "")) if name else ""
    if not key.isdigit():
        return None
    rows = row.evidence if name == "evidence" else row.disclosures
    found = rows.filter(pk=int(key)).first()
    return {"name": name, "key": found.pk, "title": found.title} if found else None


def _after(row: Matter, code: str) -> str:
    tab = {
        "attach": "?tab=evidence",
        "withdraw-evidence": "?tab=evidence",
        "withdraw-disclosure": "?tab=documents",
        "urge": "?tab=trail",
        "request-stop": "?tab=deadlines",
        "approve-stop": "?tab=deadlines",
        "refuse-stop": "?tab=deadlines",
        "resume": "?tab=deadlines",
    }.get(code, "")
    return reverse("matter", args=(row.pk,)) + tab


def _version(request: HttpRequest) -> int | None:
    text = request.POST.get("version", "")
    return int(text) if text.isdigit() else None


def _guard_problem(user: Any, row: Matter, action: Action | None) -> str:
    if action is None:
        return ""
    if row.state not in action.sources:
        return _("“%(action)s” is not possible in the state “%(state)s”.") % {
            "action": action.title,
            "state": row.present.title,
        }
    return rules.may(user, action.who, row).reason


def _evidence_needs(row: Matter, action: Action | None) -> list[tuple[str, int]]:
    """Return what evidence an action asks for, in words, and how many pieces count for it so far."""
    if action is None:
        return []
    return [
        (wording.evidence_need(row.declaration, need), have) for need, have in gates.attached(row, action)
    ]


def _kernel_data(request: HttpRequest, row: Matter, code: str, form: Any) -> dict[str, Any]:
    data = dict(form.cleaned_data)
    if code == "attach":
        upload = data.pop("file")
        stored, inside = services.store(upload, upload.name)
        data.update(digest=stored.digest, name=upload.name, inside=inside.as_data())
        data["replaces"] = data["replaces"].pk if data.get("replaces") else None
    elif code == "assign":
        data["person"] = data["person"].pk
    elif code in CONCERNS:
        text = request.POST.get(CONCERNS[code], "")
        data[CONCERNS[code]] = int(text) if text.isdigit() else 0
    return data


def sign(request: HttpRequest, pk: int) -> HttpResponse:
    """Show exactly the document that is signed, and sign or refuse it, or let a person present sign on the screen."""
    row = find_matter(request, pk)
    found = queries.sheet_to_sign(request.user, row)
    if found is None:
        messages.info(request, _("Nothing waits for a signature."))
        return redirect("matter", pk)
    sheet, slot, verdict = found
    content = files.read(sheet.document.file)
    choice = request.POST.get("choice", "")
    form = forms.SignForm(
        request.POST if choice in ("sign", "refuse") else None,
        second_factor=accounts.second_factor_of(request.user) is not None,
    )
    outsider = forms.OutsiderForm(request.POST if choice == "sign-outsider" else None)
    chosen = outsider if choice == "sign-outsider" else form
    if request.method == "POST" and choice in ("sign", "refuse", "sign-outsider") and chosen.is_valid():
        data = {**chosen.cleaned_data, "digest": request.POST.get("digest", "")}
        try:
            done = services.act(
                row, choice, request.user, data, _version(request), request.POST.get("key", "")
            )
        except (RefusedError, NotAllowed) as error:
            for text in error.messages if isinstance(error, RefusedError) else [str(error)]:
                chosen.add_error(None, text)
        else:
            if done.repeated:
                messages.info(request, _("This was done already; nothing was done twice."))
            else:
                messages.success(request, _("Kept: the signature covers the file with the digest shown."))
            return redirect("sign" if choice == "sign-outsider" else "matter", pk)
    context = {
        "matter": row,
        "title": _("Sign: %(title)s") % {"title": row.declaration.sheet(sheet.code).title},
        "sheet": sheet,
        "document_title": wording.document_title(row.declaration, sheet.document.code, sheet.document.title),
        "slot": slot,
        "verdict": verdict,
        "blocks": documents.outline(content),
        "form": form,
        "outsider": outsider,
        "key": uuid.uuid4().hex,
        "version": request.POST.get("version") or row.version,
        "signatures": sheet.signatures.select_related("signer", "drawing"),
    }
    return render(request, "matters/sign.html", context, status=400 if chosen.errors else 200)


def open_matter(request: HttpRequest, code: str) -> HttpResponse:
    """Open a matter of a process by hand, about a point (`?point=`), or out of another matter (`?from=`)."""
    try:
        process = declarations.process(code)
    except KeyError as error:
        raise Http404 from error
    text, named = request.GET.get("from", ""), request.GET.get("point", "")
    follows = find_matter(request, int(text)) if text.isdigit() else None
    points = network.points_visible_to(request.user).filter(region__in=_regions(request, process))
    point = get_object_or_404(points, code=named) if named else None
    if point is None and follows is not None:
        point = follows.point
    if point is None and (process.needs_point or request.GET.get("choose") == "point"):
        return tables.PointChoice(request, points).response({"process": process})
    initial = {}
    if follows is not None:
        initial = {
            "title": follows.title,
            "region": follows.region_id,
            "subject": follows.subject_id or (follows.point.organisation_id if follows.point else None),
            "problem": follows.data.get("findings", ""),
        }
    elif point is not None:
        initial = {"title": point.name, "region": point.region_id, "subject": point.organisation_id}
    return opening_page(
        request, process, initial=initial, follows=follows, point=point, may_choose=follows is None
    )


def _regions(request: HttpRequest, process: Process) -> QuerySet[Region]:
    """Return the regions where this person may open the process. Raises PermissionDenied where there is none."""
    regions = Region.objects.filter(
        pk__in=rules.reach(request.user).capabilities.get(process.who_opens.capability, ())
    )
    if not regions.exists():
        raise PermissionDenied(
            _("Your present posts do not allow this. Ask the security administrator of your bureau.")
        )
    return regions


def opening_page(
    request: HttpRequest,
    process: Process,
    *,
    initial: dict[str, Any],
    follows: Matter | None = None,
    point: Point | None = None,
    origin: str = "",
    may_choose: bool = False,
) -> HttpResponse:
    """Show and take the form that opens a matter; process apps call it with what they know already."""
    regions = _regions(request, process)
    subjects = accounts.organisations_visible_to(request.user).filter(active=True)
    if point is not None and process.needs_point:
        regions = regions.filter(pk=point.region_id)
        if not regions.exists():
            raise PermissionDenied(_("This monitoring point is outside your posts."))
    if point is not None and process.answerable is not None:
        subjects = process.answerable(point)
        first = subjects.first()
        initial = {**initial, "subject": first.pk if first else None}
    base = {"region": django_forms.ModelChoiceField(regions, label=_("Region"))}
    shape = type("Opening", (forms.OpeningForm, forms.data_form(process.opening)), base)
    head = ("title", "region", "subject", "confidentiality")
    form = shape(
        request.POST if request.method == "POST" else None,
        initial={
            "confidentiality": process.confidentiality,
            "region": regions.values_list("pk", flat=True).first(),
            **initial,
        },
        organisations=subjects,
        needs_subject=process.needs_subject,
        choices=CONFIDENTIALITIES,
        field_order=head,
    )
    status = 400 if form.errors else 200
    key = request.POST.get("key", "")
    if request.method == "POST" and form.is_valid():
        try:
            done = services.open_matter(
                process,
                request.user,
                title=form.cleaned_data["title"],
                region=form.cleaned_data["region"],
                subject=form.cleaned_data["subject"],
                confidentiality=form.cleaned_data["confidentiality"],
                data=forms.cleaned(form, process.opening),
                point=point,
                origin=origin,
                follows=follows,
                idempotency_key=key,
            )
        except RefusedError as error:
            for text in error.messages:
                form.add_error(None, text)
            status, key = 400, _next_key(error, key)
        except NotAllowed as error:
            form.add_error(None, str(error))
            status = 403
        else:
            text = (
                _("This was done already, under number %(number)s; nothing was opened twice.")
                if done.repeated
                else _("Opened under number %(number)s.")
            )
            messages.success(request, text % {"number": done.matter.number})
            return redirect("matter", done.matter.pk)
    context = {
        "title": _("Open: %(process)s") % {"process": process.title},
        "form": form,
        "process": process,
        "follows": follows,
        "point": point,
        "may_choose": may_choose,
        "key": key or uuid.uuid4().hex,
    }
    return render(request, "matters/open.html", context, status=status)
