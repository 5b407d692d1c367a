"""Pages of the ledger for people who work here, and for permit holders."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.matters import queries as matters
from qingjian.apps.network import queries as network
from qingjian.apps.reporting import queries as reporting
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.contracts.directory import STATISTICS
from qingjian.desk.ledger import chains, checking, evidence, opening, receipts
from qingjian.desk.ledger.forms import DayForm, EvidenceForm
from qingjian.ledger.errors import LedgerError
from qingjian.notary import configured
from qingjian.notary.errors import NotaryError
from qingjian.ui.asked import moment
from qingjian.ui.listing import workbook_response


def frame_in_ledger(request: HttpRequest, journal: str, sequence: int) -> HttpResponse:
    """Whether a frame stands unchanged in the ledger."""
    seen, chain = chains.frame_chain(request.user, journal, sequence)
    if not seen:
        raise Http404
    return render(request, "desk/frame_in_ledger.html", {"chain": chain})


def value_in_ledger(request: HttpRequest) -> HttpResponse:
    """Whether a value stands as it was sealed at the end of its day."""
    series = get_object_or_404(network.series_visible_to(request.user), code=request.GET.get("series", ""))
    start = moment(request, "start")
    statistic = request.GET.get("statistic", "hour")
    if start is None or statistic not in STATISTICS:
        raise BadRequest
    return render(
        request,
        "desk/value_in_ledger.html",
        {"chain": chains.value_chain(series, statistic, start), "day": start.astimezone(CHINA).date()},
    )


def bundle(request: HttpRequest, code: str) -> HttpResponse:
    """Choose series and range of a point, and download the evidence as one zip."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    point = get_object_or_404(network.points_visible_to(request.user, Capability.VIEW_DATA), code=code)
    series = list(network.series_visible_to(request.user).filter(point=point).order_by("pk"))
    end = timezone.localtime(now()).replace(minute=0, second=0, microsecond=0)
    sent = [one.code for one in series if one.origin != "platform"] or [one.code for one in series]
    first = {
        "series": sent[: evidence.MOST_SERIES],
        "statistic": "hour",
        "start": end - timedelta(days=1),
        "end": end,
    }
    form = EvidenceForm(request.POST or None, series=series, initial=first)
    if request.method == "POST" and form.is_valid():
        chosen = [one for one in series if one.code in form.cleaned_data["series"]]
        try:
            asked = evidence.wanted(
                request.user,
                chosen,
                form.cleaned_data["statistic"],
                form.cleaned_data["start"],
                form.cleaned_data["end"],
            )
            content = evidence.build(asked)
        except ValidationError as error:
            form.add_error(None, error)
        except (NotaryError, LedgerError, OSError) as error:
            form.add_error(None, _("The bundle cannot be made now: %(reason)s") % {"reason": error})
        else:
            accounts.record(
                request.user,
                "ledger:bundle:exported",
                point.code,
                {
                    "series": [one.code for one in chosen],
                    "from": asked.start.isoformat(),
                    "to": asked.end.isoformat(),
                },
            )
            return _zip(content, f"evidence-{point.code}-{asked.start.astimezone(CHINA):%Y%m%d%H%M}")
    return render(
        request,
        "desk/evidence.html",
        {"title": _("Evidence bundle"), "point": point, "form": form, "ledger": opening.exists()},
        status=400 if form.errors else 200,
    )


@require_POST
def matter_bundle(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything of a matter as one zip that an outsider checks: steps, signatures, files, trail, proofs."""
    row = get_object_or_404(matters.visible_to(request.user), pk=pk)
    wanted = {"matter": row, "inside": matters.is_inside(request.user, row)}
    try:
        content = evidence.build_about(f"{row.number} {row.title}", [("matter", wanted)])
    except (NotaryError, LedgerError, OSError) as error:
        messages.error(request, _("The bundle cannot be made now: %(reason)s") % {"reason": error})
        return redirect("matter", pk=pk)
    accounts.record(request.user, "ledger:bundle:exported", row.number)
    return _zip(content, f"evidence-{row.number}")


@require_POST
def report_bundle(request: HttpRequest, pk: int) -> HttpResponse:
    """A report that was signed off, with its files and the signature, as one zip that an outsider checks."""
    row = get_object_or_404(reporting.reports_visible_to(request.user), pk=pk)
    title = f"{row.region.name} {row.content['title']['zh']} {row.first} 至 {row.last}"
    try:
        content = evidence.build_about(title, [("report", {"report": row})])
    except (NotaryError, LedgerError, OSError) as error:
        messages.error(request, _("The bundle cannot be made now: %(reason)s") % {"reason": error})
        return redirect("report", pk=pk)
    accounts.record(request.user, "ledger:bundle:exported", f"report {row.pk}")
    return _zip(content, f"evidence-report-{row.element}-{row.region.code}-{row.first}-v{row.revision}")


def _zip(content: bytes, name: str) -> HttpResponse:
    safe = re.sub(r"[^0-9A-Za-z._-]+", "_", name)
    return HttpResponse(
        content,
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{safe}.zip"'},
    )


def device_receipts(request: HttpRequest) -> HttpResponse:
    """What was received from a device in a day, hour by hour, with the state of its proof."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    devices = receipts.devices_of(request.user)
    form = DayForm(request.GET)
    day = (form.cleaned_data["day"] if form.is_valid() else None) or timezone.localtime(now()).date()
    asked = request.GET.get("device", "")
    device = get_object_or_404(devices, code=asked) if asked else devices.first()
    if device is not None and request.GET.get("export") == "zip":
        try:
            content = receipts.bundle(device, day)
        except (NotaryError, LedgerError, OSError) as error:
            raise Http404 from error
        accounts.record(request.user, "ledger:receipt:exported", device.code, {"day": day.isoformat()})
        return _zip(content, f"receipt-{device.code}-{day:%Y%m%d}")
    hours = receipts.hours(device, day) if device else []
    if device is not None and request.GET.get("export") == "xlsx":
        heads = [_("Hour"), _("Frames"), _("Bytes"), _("Proven"), _("Not yet entered"), _("Does not hold")]
        rows = ([one.start, one.frames, one.bytes, one.proven, one.waiting, one.broken] for one in hours)
        return workbook_response("receipts", heads, rows)
    return render(
        request,
        "desk/receipts.html",
        {
            "title": _("Receipts"),
            "devices": devices,
            "device": device,
            "day": day,
            "before": day - timedelta(days=1),
            "after": day + timedelta(days=1),
            "hours": hours,
            "total": sum(one.frames for one in hours),
            "proven": sum(one.proven for one in hours),
            "broken": [text for one in hours for text in one.problems],
            "ledger": opening.exists(),
            "now": now(),
        },
    )


def _witnesses() -> list[dict[str, Any]]:
    """Who is asked to cosign, with what each did as far as the running notary says so."""
    known = {one["name"]: one for one in checking.notary_status().get("witnesses") or ()}
    found = []
    for key, url in configured.witnesses(settings.CONFIGURATION.ledger_witnesses):
        one = known.get(key.name, {})
        last = one.get("at")
        found.append(
            {
                "name": key.name,
                "url": url,
                "at": datetime.fromtimestamp(last, CHINA) if last else None,
                "size": one.get("size", 0),
                "answer": "" if one.get("waits") is None else one.get("answer", ""),
            }
        )
    return found


def state(request: HttpRequest) -> HttpResponse:
    """The state of the ledger and what its last check found."""
    if not (
        account_rules.may(request.user, Capability.VIEW_DATA)
        or account_rules.may(request.user, Capability.RUN_SYSTEM)
        or account_rules.may(request.user, Capability.READ_AUDIT)
    ):
        account_rules.require(request.user, Capability.RUN_SYSTEM)
    from qingjian.apps.records import queries as records

    return render(
        request,
        "desk/ledger.html",
        {
            "title": _("Ledger"),
            "state": checking.state(),
            "status": checking.notary_status(),
            "check": records.last_check(),
            "mirror": settings.CONFIGURATION.ledger_mirror,
            "witnesses": _witnesses(),
            "now": now(),
        },
    )
