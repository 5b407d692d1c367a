"""Registers beside the matters: certificates, absence, handing over, working days, webhooks."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import queries as accounts
from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Organisation, User
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.matters import forms, queries, rules, services, tables
from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.models import CalendarTable, WebhookTarget
from qingjian.apps.matters.views.files import file_response
from qingjian.ui.listing import workbook_response

CALENDAR_LARGEST = 200_000


def _problems(form: Any, error: ValidationError) -> None:
    for text in error.messages:
        form.add_error(None, text)


def certificates(request: HttpRequest) -> HttpResponse:
    return tables.CertificateListing(request, queries.certificates_visible_to(request.user)).response(
        {"may_add": account_rules.may(request.user, Capability.APPROVE_MATTERS)}
    )


def certificate_add(request: HttpRequest) -> HttpResponse:
    account_rules.require(request.user, Capability.APPROVE_MATTERS)
    regions = account_rules.scope(request.user, Capability.APPROVE_MATTERS).regions
    form = forms.CertificateForm(
        request.POST or None,
        request.FILES or None,
        people=User.objects.filter(organisation__region_id__in=regions, is_active=True).exclude(
            pk=request.user.pk
        ),
        organisations=accounts.organisations_visible_to(request.user)
        | Organisation.objects.filter(kind__in=rules.SERVING),
    )
    if request.method == "POST" and form.is_valid():
        fields = dict(form.cleaned_data)
        upload = fields.pop("upload")
        try:
            file = services.store(upload, upload.name)[0] if upload else None
            services.register_certificate(request.user, **fields, file=file)
        except RefusedError as error:
            _problems(form, error)
        else:
            messages.success(request, _("Entered."))
            return redirect("certificates")
    return render(
        request,
        "ui/form.html",
        {"form": form, "title": _("Enter a certificate"), "back": "certificates"},
        status=400 if form.errors else 200,
    )


def certificate(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(queries.certificates_visible_to(request.user), pk=pk)
    form = forms.ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.revoke_certificate(request.user, row, form.cleaned_data["reason"])
        except RefusedError as error:
            _problems(form, error)
        else:
            return redirect("certificate-one", pk)
    context = {
        "title": row.number,
        "certificate": row,
        "state": tables.certificate_state(row),
        "form": form,
        "may_revoke": row.revoked_at is None
        and account_rules.may(request.user, Capability.APPROVE_MATTERS)
        and row.person_id != request.user.pk,
    }
    return render(request, "matters/certificate.html", context)


def certificate_scan(request: HttpRequest, pk: int) -> HttpResponse:
    """The scan that was entered with a certificate."""
    row = get_object_or_404(queries.certificates_visible_to(request.user).exclude(file=None), pk=pk)
    kind = row.file.media_type.rpartition("/")[2]
    return file_response(row.file, f"{row.number}.{kind}")


def delegations(request: HttpRequest) -> HttpResponse:
    rows = queries.delegations_visible_to(request.user)
    today = account_rules.today()
    own = rows.filter(ended_at=None, valid_to__gt=today)
    return tables.DelegationListing(request, rows).response(
        {
            "may_add": True,
            "running": own,
            "today": today,
            "may_hand_over": account_rules.may(request.user, Capability.HANDLE_MATTERS)
            or account_rules.may(request.user, Capability.APPROVE_MATTERS),
        }
    )


def delegation_add(request: HttpRequest) -> HttpResponse:
    form = forms.DelegationForm(
        request.POST or None,
        people=queries.colleagues(request.user),
        initial={
            "person": request.user.pk,
            "valid_from": account_rules.today(),
            "valid_to": account_rules.today() + timedelta(days=7),
        },
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.delegate(request.user, **form.cleaned_data)
        except RefusedError as error:
            _problems(form, error)
        else:
            messages.success(request, _("From then on the deputy finds the work in the inbox."))
            return redirect("delegations")
    return render(
        request,
        "ui/form.html",
        {"form": form, "title": _("Name a deputy"), "back": "delegations"},
        status=400 if form.errors else 200,
    )


@require_POST
def delegation_end(request: HttpRequest, pk: int) -> HttpResponse:
    services.end_delegation(
        request.user, get_object_or_404(queries.delegations_visible_to(request.user), pk=pk)
    )
    return redirect("delegations")


def hand_over(request: HttpRequest) -> HttpResponse:
    """Hand all open work of a person over, and say what could not go: one's own, or of the people whose work one approves."""
    approves = account_rules.may(request.user, Capability.APPROVE_MATTERS)
    if not approves:
        account_rules.require(request.user, Capability.HANDLE_MATTERS)
    form = forms.HandOverForm(
        request.POST or None,
        givers=_givers(request.user) if approves else User.objects.filter(pk=request.user.pk),
        receivers=queries.colleagues(request.user),
        initial={"giver": request.user.pk},
    )
    gone, left = [], []
    if request.method == "POST" and form.is_valid():
        try:
            gone, left = services.hand_over(request.user, **form.cleaned_data)
        except RefusedError as error:
            _problems(form, error)
        else:
            messages.success(request, _("%(count)d matters handed over.") % {"count": len(gone)})
    context = {
        "form": form,
        "title": _("Hand over all open work"),
        "gone": gone,
        "left": left,
        "submit_text": _("Hand over"),
        "back": "delegations",
    }
    return render(request, "matters/hand_over.html", context)


def _givers(user: Any) -> Any:
    """Staff of the regions, and whoever still is in charge of something there after leaving."""
    charged = queries.visible_to(user).filter(closed_at=None).exclude(assignee=None).order_by()
    return User.objects.filter(
        pk__in=[
            *charged.values_list("assignee", flat=True),
            *queries.staff(user).values_list("pk", flat=True),
        ]
    )


def _table_text(content: bytes) -> str:
    """Return a table as text: UTF-8, or GB 18030 as Excel writes in China. Raises RefusedError."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RefusedError("file", _("The file is no text in UTF-8 or GB 18030."))


def calendar(request: HttpRequest) -> HttpResponse:
    """Years whose working days are known, and the import of another."""
    account_rules.require(request.user, Capability.VIEW_REGISTRY)
    may_import = account_rules.may_everywhere(request.user, Capability.CONFIRM_RULES)
    form = forms.CalendarForm(request.POST or None, request.FILES or None) if may_import else None
    if request.method == "POST":
        if form is None:
            raise PermissionDenied
        if form.is_valid():
            upload = form.cleaned_data["file"]
            try:
                if upload.size > CALENDAR_LARGEST:
                    raise RefusedError("file", _("The file is too large."))
                services.import_calendar(
                    request.user,
                    _table_text(upload.read()),
                    form.cleaned_data["document"],
                )
            except RefusedError as error:
                _problems(form, error)
            else:
                messages.success(
                    request,
                    _("Taken over. Running deadlines were computed again and those in charge were told."),
                )
                return redirect("working-days")
    known = queries.calendar()
    shown = request.GET.get("year", "")
    year = int(shown) if shown.isdigit() and int(shown) in known.years else account_rules.today().year
    table = known.tables.get(year)
    days = [(day, known.day(day)) for day in sorted(table.days)] if table is not None else []
    if request.GET.get("export") == "xlsx":
        words = [(day, one.en() if queries.english() else one.zh()) for day, one in days]
        return workbook_response(f"working-days-{year}", [_("Day"), _("Kind")], words)
    context = {
        "title": _("Working days"),
        "calendar": known,
        "table": table,
        "year": year,
        "days": days,
        "form": form,
        "next_year_missing": not known.covers(date(account_rules.today().year + 1, 1, 1)),
        "imported": CalendarTable.objects.select_related("author")[:20],
        "english": queries.english(),
    }
    status = 400 if form is not None and form.errors else 200
    return render(request, "matters/calendar.html", context, status=status)


def webhooks(request: HttpRequest) -> HttpResponse:
    account_rules.require(request.user, Capability.RUN_SYSTEM)
    form = forms.WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.add_webhook(request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("webhooks")
    targets = WebhookTarget.objects.all()
    if request.GET.get("export") == "xlsx":
        return workbook_response(
            "webhooks",
            [_("Name"), _("Address"), _("In use")],
            [(one.name, one.address, _("Yes") if one.enabled else _("No")) for one in targets],
        )
    return render(
        request,
        "matters/webhooks.html",
        {"title": _("Webhooks"), "form": form, "targets": targets},
    )


@require_POST
def webhook_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a webhook out of use, or into use again."""
    account_rules.require(request.user, Capability.RUN_SYSTEM)
    target = get_object_or_404(WebhookTarget, pk=pk)
    services.switch_webhook(request.user, target, not target.enabled)
    return redirect("webhooks")
