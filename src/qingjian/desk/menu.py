"""The left menu: what a person's posts open."""

from __future__ import annotations

import functools
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts import rules
from qingjian.apps.accounts.roles import Capability as C
from qingjian.apps.matters import queries as matters

GROUPS = (
    (
        _("Today"),
        (
            ("workbench", _("Workbench"), "layout-dashboard", None),
            ("map", _("One map"), "map-2", C.VIEW_DATA),
            ("alerts", _("Alerts"), "alert-triangle", C.VIEW_DATA),
        ),
    ),
    (
        _("Work"),
        (
            ("inbox", _("Waiting for me"), "inbox", C.VIEW_DATA),
            ("matters", _("All matters"), "list-check", C.VIEW_DATA),
            ("alert-handlings", _("Alerts being handled"), "alert-octagon", C.VIEW_DATA),
            ("corrective-actions", _("Corrective actions"), "tool", C.VIEW_DATA),
            ("deadlines", _("Deadlines"), "clock-hour-4", C.VIEW_DATA),
            ("processes", _("Processes and time limits"), "route", C.VIEW_DATA),
            ("punctuality", _("Punctuality"), "chart-bar", C.SUPERVISE),
            ("certificates", _("Certificates"), "certificate", C.HANDLE_MATTERS),
            ("delegations", _("Absence and deputies"), "user-share", C.HANDLE_MATTERS),
            ("notifications", _("Notifications"), "bell", C.VIEW_DATA),
        ),
    ),
    (
        _("Data integrity"),
        (
            ("funnel", _("Funnel of clues"), "filter", C.VIEW_DATA),
            ("clues", _("Clues"), "search", C.VIEW_DATA),
            ("self-proofs", _("Self-proofs of truth"), "file-certificate", C.VIEW_DATA),
            ("verifications", _("Clue verifications"), "zoom-check", C.VIEW_DATA),
            ("rule-sets", _("Rule sets of screening"), "adjustments", C.VIEW_DATA),
        ),
    ),
    (
        _("Evaluation"),
        (
            ("air", _("Air"), "wind", C.VIEW_DATA),
            ("water", _("Surface water"), "ripple", C.VIEW_DATA),
            ("element:groundwater", _("Groundwater"), "droplet-half", C.VIEW_DATA),
            ("element:soil", _("Soil"), "shovel", C.VIEW_DATA),
            ("element:noise", _("Noise"), "volume", C.VIEW_DATA),
            ("element:radiation", _("Radiation"), "radioactive", C.VIEW_DATA),
            ("element:ecology", _("Ecology"), "leaf", C.VIEW_DATA),
            ("outlets", _("Outlets"), "building-factory", C.VIEW_DATA),
            ("reports", _("Reports"), "report-analytics", C.VIEW_DATA),
        ),
    ),
    (
        _("Monitoring"),
        (
            ("points", _("Monitoring points"), "map-pin", C.VIEW_REGISTRY),
            ("sources", _("Pollution sources"), "building-factory-2", C.VIEW_REGISTRY),
            ("devices", _("Devices"), "router", C.VIEW_REGISTRY),
            ("data-import", _("Enter measurements"), "file-upload", C.IMPORT_DATA),
            ("log-book:remote-sessions", _("Log books"), "notebook", C.VIEW_DATA),
            ("completeness", _("Completeness"), "checklist", C.VIEW_DATA),
            ("data-levels", _("Data levels"), "rosette-discount-check", C.MARK_DATA),
            ("corrections", _("Corrections"), "pencil", C.VIEW_DATA),
            ("quarantine", _("Unregistered senders"), "shield-question", C.SEND_COMMANDS),
            ("forwarding", _("Forwarding"), "cloud-upload", C.SEND_COMMANDS),
            ("receipts", _("Receipts"), "receipt", C.VIEW_DATA),
        ),
    ),
    (
        _("Registry"),
        (
            ("changes", _("Changes to approve"), "git-pull-request", C.VIEW_REGISTRY),
            ("registry-import", _("Import"), "file-import", C.PROPOSE_REGISTRY),
            ("duties", _("Duties"), "users-group", C.VIEW_REGISTRY),
            ("series-list", _("Series"), "chart-line", C.VIEW_REGISTRY),
            ("settings", _("Settings"), "adjustments-horizontal", C.VIEW_REGISTRY),
            ("limits", _("Limits"), "ruler-measure", C.VIEW_REGISTRY),
            ("rule-changes", _("Changed rules and results"), "git-compare", C.VIEW_REGISTRY),
            ("rules-to-confirm", _("Rules to confirm"), "scale", C.VIEW_REGISTRY),
            ("working-days", _("Working days"), "calendar", C.VIEW_REGISTRY),
            ("document-templates", _("Document templates"), "file-text", C.VIEW_REGISTRY),
        ),
    ),
    (
        _("Administration"),
        (
            ("users", _("People"), "users", None),
            ("organisations", _("Organisations"), "building", None),
            ("regions", _("Regions"), "sitemap", C.VIEW_REGISTRY),
            ("roles", _("Roles"), "key", None),
            ("webhooks", _("Webhooks"), "webhook", C.RUN_SYSTEM),
            ("schedule", _("Tasks and schedule"), "clock-play", C.VIEW_REGISTRY),
            ("audit", _("Access trail"), "eye-check", C.READ_AUDIT),
            ("ledger-state", _("Ledger"), "certificate", C.VIEW_REGISTRY),
        ),
    ),
)

BUREAU_ONLY = frozenset({"funnel", "clues", "verifications", "rule-sets"})
"""Pages that a unit never opens: what is suspected of its own data is the bureau's."""

BELONGS_TO = (
    ("/elements/lakes/", "water"),
    ("/elements/drinking/", "water"),
    ("/elements/black-odorous/", "water"),
    ("/evaluations/failures/", "rule-changes"),
    ("/data/", "points"),
    ("/log-books/", "log-book:remote-sessions"),
    ("/propose/", "changes"),
    ("/integrity/suspects/", "funnel"),
    ("/hand-over/", "delegations"),
    ("/deliveries/", "webhooks"),
    ("/documents/", "matters"),
)
"""Beginnings of addresses that lie below no entry's own address, and the entry they are reached from."""

LONGEST_UNFOLDED = 16
"""A longer menu does not fit an office screen: its groups are folded until asked for."""
ALWAYS_UNFOLDED = 2
"""The first groups, the day and the work at hand, stay open."""


@functools.cache
def _address(name: str) -> str | None:
    """Address of a page of the menu, `page` or `page:argument`; looking all of them up takes a tenth of a small page."""
    page, _colon, argument = name.partition(":")
    try:
        return reverse(page, args=[argument] if argument else None)
    except NoReverseMatch:
        return None


def context(request: HttpRequest) -> dict[str, Any]:
    """Return menu, node name and demo notice for the templates."""
    configuration = settings.CONFIGURATION
    found: dict[str, Any] = {
        "node_title": configuration.node_name if configuration.node_name != "node1" else "",
        "demo_notice": _("Demonstration: replayed and simulated data, fictional county")
        if configuration.demo
        else "",
        "demo_data": reverse("demo-data") if configuration.demo else "",
    }
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return found
    held = rules.capabilities(user)
    unit = rules.is_own_organisation_only(user)
    counts = {"notifications": matters.unread(user)}
    groups = []
    for title, items in GROUPS:
        shown = []
        for name, text, icon, capability in items:
            if capability is not None and capability not in held:
                continue
            if unit and name in BUREAU_ONLY:
                continue
            if (url := _address(name)) is None:
                continue
            shown.append(
                {
                    "title": text,
                    "url": url,
                    "icon": icon,
                    "active": False,
                    "count": counts.get(name, 0),
                    "addresses": (url, *(begin for begin, entry in BELONGS_TO if entry == name)),
                }
            )
        if shown:
            groups.append({"title": title, "items": shown})
    # The longest address that leads to this page is the active one: /matters/inbox/ lies below /matters/.
    leading = [
        (len(address), item)
        for group in groups
        for item in group["items"]
        for address in item["addresses"]
        if request.path == address or (address != "/" and request.path.startswith(address))
    ]
    if leading:
        max(leading, key=lambda one: one[0])[1]["active"] = True
    short = sum(len(group["items"]) for group in groups) <= LONGEST_UNFOLDED
    for place, group in enumerate(groups):
        group["open"] = short or place < ALWAYS_UNFOLDED or any(item["active"] for item in group["items"])
        group["count"] = sum(item["count"] for item in group["items"])
    found["menu"] = groups
    return found
