"""Pages that put several apps on one screen."""

from __future__ import annotations

import json

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation.present import present
from qingjian.apps.network import models as registry
from qingjian.apps.network import services as network_services
from qingjian.apps.network.kinds import ELEMENTS
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing import words
from qingjian.apps.observing.models import SEVERITY_CHOICES
from qingjian.contracts.current import now
from qingjian.desk import queries
from qingjian.desk.ledger import checking
from qingjian.gateway.forwarding import progress as forwarding_progress
from qingjian.gateway.quarantine import QuarantineStore


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
        "heartbeat": observing.last_heartbeat(),
        "heartbeat_overdue": observing.heartbeat_overdue(now()),
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
            "tiles": settings.CONFIGURATION.map_tiles,
        },
    )


def map_points(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"points": queries.map_points(request.user)})


def map_base(request: HttpRequest) -> HttpResponse:
    """The base map of this node: the office's own GeoJSON in the data folder, else the demo's."""
    own = settings.DATA_FOLDER.root / "base_map.geojson"
    if own.exists():
        return HttpResponse(own.read_bytes(), content_type="application/geo+json")
    if settings.CONFIGURATION.demo:
        from qingjian.simulator.demo.county import base_map

        return HttpResponse(json.dumps(base_map(), ensure_ascii=False), content_type="application/geo+json")
    return JsonResponse({"type": "FeatureCollection", "features": []})


def quarantine(request: HttpRequest) -> HttpResponse:
    """Senders nobody registered, and what registered devices sent that was refused."""
    account_rules.require(request.user, Capability.SEND_COMMANDS)
    path = settings.DATA_FOLDER.quarantine
    senders = QuarantineStore(path).read() if path.exists() else []
    return render(
        request,
        "desk/quarantine.html",
        {
            "title": _("Unregistered senders and refused frames"),
            "unknown": [one for one in senders if not one.registered],
            "refused": [one for one in senders if one.registered],
        },
    )


def forwarding(request: HttpRequest) -> HttpResponse:
    """Upper platforms and how far each is behind."""
    account_rules.require(request.user, Capability.SEND_COMMANDS)
    directory = network_services.directory_store().current()
    progress = forwarding_progress(settings.DATA_FOLDER, directory.targets) if directory else []
    return render(
        request,
        "desk/forwarding.html",
        {
            "title": _("Forwarding to upper platforms"),
            "targets": registry.ForwardTarget.objects.all(),
            "progress": progress,
            "now": now(),
        },
    )


def health(request: HttpRequest) -> HttpResponse:
    """For load balancers: 200 while the database answers."""
    registry.ForwardTarget.objects.exists()
    return HttpResponse("ok", content_type="text/plain")
