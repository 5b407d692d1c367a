"""Pages that put several apps on one screen."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation.present import present
from qingjian.apps.network import models as registry
from qingjian.apps.network import queries as network
from qingjian.apps.network import rules as network_rules
from qingjian.apps.network import services as network_services
from qingjian.apps.network.forms import SendAgainForm
from qingjian.apps.network.kinds import ELEMENTS
from qingjian.apps.observing import provenance, stores, words
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing import rules as observing_rules
from qingjian.apps.observing.models import SEVERITY_CHOICES
from qingjian.contracts.current import now
from qingjian.desk import queries
from qingjian.desk.ledger import checking
from qingjian.gateway.forwarding import TargetProgress
from qingjian.gateway.forwarding import progress as forwarding_progress
from qingjian.ui.listing import workbook_response
from qingjian.ui.newest import Newest

MOST_SAMPLES = 5
SENDERS_SHOWN = 500
LINKS = {
    "connected": (gettext_lazy("connected"), "green"),
    "waiting": (gettext_lazy("waits to try again"), "orange"),
    "off": (gettext_lazy("off"), "secondary"),
}
"""How the link to an upper platform is called and coloured."""


def workbench(request: HttpRequest) -> HttpResponse:
    """What alarms, what waits for me, and whether data come in."""
    user = request.user
    views_data = account_rules.may(user, Capability.VIEW_DATA)
    open_by_severity = (
        dict(observing.open_alerts(user).order_by().values_list("severity").annotate(count=Count("id")))
        if views_data
        else {}
    )
    context = {
        "title": _("Workbench"),
        "views_data": views_data,
        "alert_counts": [
            {
                "title": dict(SEVERITY_CHOICES)[name],
                "colour": words.SEVERITY_COLOURS[name],
                "count": open_by_severity.get(name, 0),
            }
            for name in ("critical", "major", "minor")
        ],
        "alerts_open": sum(open_by_severity.values()),
        "present": present(user) if views_data else None,
        "presence": queries.presence_counts(user) if views_data else None,
        "freshness": queries.freshness(user) if views_data else None,
        "processing": queries.processing(),
        "self_test": observing.self_test(now()),
        "runs_system": account_rules.may(user, Capability.RUN_SYSTEM),
        "waiting": queries.waiting_for(user),
        "ledger": checking.state(),
        "now": now(),
    }
    return render(request, "desk/workbench.html", context)


def county_map(request: HttpRequest) -> HttpResponse:
    account_rules.require(request.user, Capability.VIEW_DATA)
    points = queries.map_points(request.user)
    elements = [
        (code, title) for code, title in ELEMENTS.items() if any(point["element"] == code for point in points)
    ]
    return render(
        request,
        "desk/map.html",
        {
            "title": _("One map"),
            "points": points,
            "elements": elements,
        },
    )


def map_points(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"points": queries.map_points(request.user)})


def map_base(request: HttpRequest) -> HttpResponse:
    """The base map of this node: the office's own GeoJSON in the data folder, else the demo's."""
    own = settings.DATA_FOLDER.base_map
    if own.exists():
        return HttpResponse(own.read_bytes(), content_type="application/geo+json")
    if settings.CONFIGURATION.demo:
        from qingjian.simulator.demo.county import base_map

        return HttpResponse(json.dumps(base_map(), ensure_ascii=False), content_type="application/geo+json")
    return JsonResponse({"type": "FeatureCollection", "features": []})


def map_archive(request: HttpRequest) -> HttpResponse:
    """The office's own base map as a PMTiles archive, of which the map asks for a few bytes at a time."""
    path = settings.DATA_FOLDER.base_map_archive
    if not path.is_file():
        raise Http404
    kind = [
        ("Content-Type", "application/vnd.pmtiles"),
        ("Accept-Ranges", "bytes"),
        ("Cache-Control", "private"),
    ]
    response: HttpResponse = WhiteNoiseMiddleware.serve(StaticFile(str(path), kind), request)
    return response


def quarantine(request: HttpRequest) -> HttpResponse:
    """Senders nobody registered, and what registered devices sent that was refused."""
    account_rules.require(request.user, Capability.SEND_COMMANDS)
    senders = stores.senders()
    devices = network.devices_visible_to(request.user).filter(mn__in={one.mn for one in senders})
    of_mn = {one.mn: one for one in devices}
    everywhere = account_rules.may_everywhere(request.user, Capability.SEND_COMMANDS)
    reach = account_rules.scope(request.user, Capability.SEND_COMMANDS)
    # Whoever names the MN of a device elsewhere is that place's affair, as its refused bytes are.
    elsewhere = network.registered_mns(one.mn for one in senders) - of_mn.keys()
    rows = [
        {
            "sender": one,
            "reason": words.code_title(one.last_reason),
            "device": of_mn.get(one.mn),
            "samples": everywhere or (one.mn in of_mn and reach.reaches(of_mn[one.mn].point.region_id, None)),
        }
        for one in senders
        if one.mn not in elsewhere and (not one.registered or one.mn in of_mn)
    ]
    if request.GET.get("export") == "xlsx":
        heads = [_("MN"), _("Registered"), _("Address"), _("Frames"), _("Bytes"), _("Kept"), _("Dropped")]
        return workbook_response(
            "quarantine", [*heads, _("Last reason"), _("First"), _("Last")], map(_sender_cells, rows)
        )
    return render(
        request,
        "desk/quarantine.html",
        {
            "title": _("Unregistered senders and refused frames"),
            "unknown": _heard_last([row for row in rows if not row["sender"].registered]),
            "refused": _heard_last([row for row in rows if row["sender"].registered]),
            "dropped": sum(row["sender"].dropped for row in rows),
        },
    )


def _heard_last(rows: list[dict[str, Any]]) -> Newest:
    return Newest(rows[:SENDERS_SHOWN], max(0, len(rows) - SENDERS_SHOWN))


def quarantine_samples(request: HttpRequest) -> HttpResponse:
    """The newest samples kept of one unknown sender, in the drawer."""
    mn = request.GET.get("mn", "")
    account_rules.require(request.user, Capability.SEND_COMMANDS)
    if not observing_rules.may_see_samples(request.user, mn):
        raise PermissionDenied(
            _(
                "What names no registered device lies in no place: it is shown to posts that reach the whole node."
            )
        )
    shown = [
        one
        for one in provenance.samples(mn, MOST_SAMPLES)
        if observing_rules.may_see_sample(request.user, mn, one["received_at"])
    ]
    return render(request, "desk/samples.html", {"mn": mn, "samples": shown})


def _sender_cells(row: dict[str, Any]) -> list[Any]:
    one = row["sender"]
    return [
        one.mn,
        _("Yes") if one.registered else _("No"),
        one.address,
        one.frames,
        one.bytes,
        one.kept,
        one.dropped,
        row["reason"],
        one.first_at,
        one.last_at,
    ]


def forwarding(request: HttpRequest) -> HttpResponse:
    """Upper platforms and how far each is behind."""
    account_rules.require(request.user, Capability.SEND_COMMANDS)
    directory = network_services.directory_store().current()
    targets = network.targets_visible_to(request.user)
    seen = {one.code for one in targets}
    published = [one for one in directory.targets if one.id in seen] if directory else []
    progress = forwarding_progress(settings.DATA_FOLDER, published)
    if request.GET.get("export") == "xlsx":
        heads = [_("Target"), _("Address"), _("Journal"), _("Link"), _("Reason"), _("Forwarded"), _("Behind")]
        return workbook_response(
            "forwarding",
            [*heads, _("Given up"), _("Last progress")],
            map(_progress_cells, progress),
        )
    return render(
        request,
        "desk/forwarding.html",
        {
            "title": _("Forwarding to upper platforms"),
            "targets": targets,
            "again_for": {one.code for one in targets if network_rules.may_send_again(request.user, one)},
            "again": SendAgainForm(initial={"start": now() - timedelta(days=1)}, auto_id=False),
            "progress": [(one, *LINKS.get(one.state, (one.state, "secondary"))) for one in progress],
            "now": now(),
        },
    )


@require_POST
def forward_again(request: HttpRequest, code: str) -> HttpResponse:
    """Let an upper platform get the frames received since a moment once more."""
    account_rules.require(request.user, Capability.SEND_COMMANDS)
    target = next((one for one in network.targets_visible_to(request.user) if one.code == code), None)
    if target is None:
        raise Http404
    form = SendAgainForm(request.POST)
    if form.is_valid():
        count = network_services.send_again(
            request.user, target, form.cleaned_data["start"], form.cleaned_data["purpose"]
        )
        messages.success(
            request, _("%(count)d frames of the journal are gone through again.") % {"count": count}
        )
    else:
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
    return redirect("forwarding")


def _progress_cells(one: TargetProgress) -> list[Any]:
    link = str(LINKS.get(one.state, (one.state,))[0])
    counts = (one.forwarded, one.behind, one.given_up, one.moved_at)
    return [one.name, one.address, one.journal, link, one.reason, *counts]


def health(request: HttpRequest) -> HttpResponse:
    """For load balancers: 200 while the database answers."""
    registry.ForwardTarget.objects.exists()
    return HttpResponse("ok", content_type="text/plain")
