"""Pages of devices: the list, one device with all that came and went, one frame, reading kept frames again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Device
from qingjian.apps.network.tables import DeviceListing
from qingjian.apps.observing import (
    completeness,
    device_commands,
    gap_lines,
    handling,
    provenance,
    queries,
    rules,
    services,
    stores,
    words,
)
from qingjian.apps.observing.forms import CommandForm, FirstCommandsForm, ReadAgainForm
from qingjian.apps.observing.log_book_tables import AGAINST
from qingjian.apps.observing.log_books import BOOKS
from qingjian.apps.rulekeeping import queries as rulekeeping
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now

ALERTS_SHOWN = 10
NEWEST_ENTRIES = 5
"""Entries of a log book on the page of a device; the list has all."""
NOTED_DAYS = (1, 7)
"""Deviations are counted over the first number of days, on request over the second."""
GAP_DAYS = 30
MOST_GAPS = 10


def devices(request: HttpRequest) -> HttpResponse:
    presence = {one.mn: one for one in stores.presence().read()}

    class Listing(DeviceListing):
        def selected(self) -> Any:
            return _Attached(super().selected(), presence)

    return Listing(request, network.devices_visible_to(request.user)).response()


class _Attached:
    """Rows with their connection state added while they are read; counts stay with the database."""

    def __init__(self, rows: Any, presence: dict[str, Any]) -> None:
        self._rows, self._presence = rows, presence

    def __getitem__(self, part: Any) -> Any:
        return [_attach(row, self._presence) for row in self._rows[part]]

    def count(self) -> int:
        return self._rows.count()

    ordered = True


def _attach(row: Any, presence: dict[str, Any]) -> Any:
    seen = presence.get(row.mn)
    row.accepted = seen.accepted if seen else 0
    row.refused = seen.refused if seen else 0
    row.last_frame_at = seen.last_frame_at if seen else None
    silent = row.last_frame_at is None or (now() - row.last_frame_at).total_seconds() > row.silence_seconds
    if seen is None:
        row.connection_text, row.connection_colour = _("never seen"), "secondary"
    elif seen.online and not silent:
        row.connection_text, row.connection_colour = _("online"), "green"
    elif seen.online:
        row.connection_text, row.connection_colour = _("connected, silent"), "orange"
    else:
        row.connection_text, row.connection_colour = _("offline"), "red"
    return row


def device(request: HttpRequest, code: str) -> HttpResponse:
    """A device: connection, deviations, quarantine, commands and answers, gaps, recent frames."""
    row = get_object_or_404(network.devices_visible_to(request.user), code=code)
    seen = next(iter(stores.presence().read(row.mn)), None)
    may_command = account_rules.may(request.user, Capability.SEND_COMMANDS, region=row.point.region)
    form = (
        CommandForm(
            request.POST or None,
            edition=row.edition,
            without=rulekeeping.facts_switched_off().union(row.policy.get("without", ())),
            initial={"start": now() - timedelta(hours=3), "end": now()},
        )
        if may_command
        else None
    )
    if request.method == "POST":
        if form is None:
            raise PermissionDenied
        if form.is_valid():
            services.queue_command(
                request.user,
                row,
                form.cleaned_data["code"],
                form.wire_parameters(),
                form.cleaned_data["purpose"],
            )
            messages.success(
                request, _("Command queued: it is sent when the device is connected, within 30 minutes.")
            )
            return redirect("device", code)
    commands = [
        {
            "command": one,
            "first_answers": one.answers[:5],
            "more_answers": max(0, len(one.answers) - 5),
            "state": words.COMMAND_STATES[str(one.state)],
            "title": device_commands.title(one.code),
            "reason": words.command_reason(one),
        }
        for one in stores.commands().recent(row.mn, 20)
    ]
    may_read = network.devices_visible_to(request.user, Capability.VIEW_DATA).filter(pk=row.pk).exists()
    frames = [
        one
        for one in (provenance.recent_frames(row.mn, 15) if may_read else ())
        if queries.received_from(row, row.mn, one["received_at"])
    ]
    context = {
        "device": _attach(row, {row.mn: seen} if seen else {}),
        "title": row.name,
        "seen": seen,
        **_noted_of(request, row),
        "last_refusal": words.code_title(seen.last_refusal) if seen and seen.last_refusal else "",
        "kept": [{"row": one, "reason": words.code_title(one.last_reason)} for one in stores.senders(row.mn)],
        "read_again": ReadAgainForm(initial={"start": now() - timedelta(days=7), "end": now()})
        if may_command
        else None,
        **_gaps_of(request, row),
        "commands": commands,
        "form": form,
        "first_form": FirstCommandsForm(edition=row.edition) if may_command else None,
        "may_read": may_read,
        "frames": frames,
        "routes": row.routes.select_related("series__factor"),
        "settings": [
            {"row": one, "title": network.setting_title(one.name)}
            for one in network.settings_in_force(row.settings.all())
        ],
        "alerts": handling.shown(
            request.user,
            queries.alerts_visible_to(request.user).filter(point=row.point, subject__in=(row.code, row.mn)),
            ALERTS_SHOWN,
        ),
        **_log_of(request, row),
        "history": network.history_shown("device", row.code, whole=request.GET.get("history") == "all"),
        "may_propose": account_rules.may(
            request.user,
            Capability.PROPOSE_REGISTRY,
            region=row.point.region,
            organisation_id=row.point.organisation_id,
        ),
        "now": now(),
    }
    return render(request, "observing/device.html", context)


def _noted_of(request: HttpRequest, row: Device) -> dict[str, Any]:
    """Return the deviations and refusals of the device over the period asked for."""
    days = NOTED_DAYS[1] if request.GET.get("noted") == str(NOTED_DAYS[1]) else NOTED_DAYS[0]
    found = provenance.noted(row.mn, now() - timedelta(days=days), now() + timedelta(minutes=5))
    return {
        "noted": [{"row": one, "title": words.code_title(one.code)} for one in found],
        "noted_days": days,
        "noted_choices": NOTED_DAYS,
    }


def _gaps_of(request: HttpRequest, row: Device) -> dict[str, Any]:
    """Return the newest gaps of the device's series, with what was asked and what came."""
    series = completeness.owing(request.user).filter(device=row)
    today = now().astimezone(CHINA).date()
    records = completeness.gap_records(series, today - timedelta(days=GAP_DAYS - 1), today)
    newest = list(records[: MOST_GAPS + 1])
    return {
        "gaps": gap_lines.lines(completeness.gaps(series, newest[:MOST_GAPS])),
        "more_gaps": len(newest) > MOST_GAPS,
        "gap_days": GAP_DAYS,
    }


@require_POST
def first_commands(request: HttpRequest, code: str) -> HttpResponse:
    """Order what a device is told after its first connection."""
    row = get_object_or_404(network.devices_visible_to(request.user), code=code)
    form = FirstCommandsForm(request.POST, edition=row.edition)
    if form.is_valid():
        ordered = services.queue_first_commands(
            request.user, row, form.commands(now()), form.cleaned_data["purpose"]
        )
        messages.success(
            request,
            _("%(count)d commands queued: they are sent one after another when the device is connected.")
            % {"count": len(ordered)},
        )
    else:
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
    return redirect("device", code)


@require_POST
def read_again(request: HttpRequest, code: str) -> HttpResponse:
    """Order that the frames kept of a device are read again by today's registry."""
    row = get_object_or_404(network.devices_visible_to(request.user), code=code)
    form = ReadAgainForm(request.POST)
    if form.is_valid():
        services.read_frames_again(
            request.user,
            row,
            form.cleaned_data["start"],
            form.cleaned_data["end"],
            form.cleaned_data["purpose"],
        )
        messages.success(
            request,
            _(
                "Ordered: the pipeline reads the frames within seconds; values that exist already stay as they are."
            ),
        )
    else:
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
    return redirect("device", code)


def _log_of(request: HttpRequest, row: Device) -> dict[str, Any]:
    """Return the newest remote sessions on a device, its registered software, and what software was found."""
    sessions = queries.entries_visible_to(request.user, BOOKS["remote-sessions"])
    readings = queries.entries_visible_to(request.user, BOOKS["software-found"])
    return {
        "sessions": sessions.filter(device=row, struck_at=None)[:NEWEST_ENTRIES],
        "software": network.in_force(row.software.all()),
        "readings": [
            (one, *AGAINST[one.against])
            for one in readings.filter(device=row, struck_at=None)[:NEWEST_ENTRIES]
        ],
    }


def frame(request: HttpRequest, journal: str, sequence: int) -> HttpResponse:
    """One frame in the drawer; only for people who may see the data of the device it came from."""
    shown = provenance.frame(journal, sequence)
    if shown is None or not rules.may_see_frame(request.user, shown["mn"], shown["received_at"]):
        raise Http404
    return render(request, "observing/frame.html", {"frame": shown})
