"""What the workbench and the map show, composed from the apps' own reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.conf import settings
from django.db.models import Case, QuerySet, Value, When
from django.utils.translation import gettext as _

from qingjian.apps.accounts import queries as accounts
from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.governance import escalating as governance
from qingjian.apps.integrity import queries as integrity
from qingjian.apps.matters import queries as matters
from qingjian.apps.network import models as registry
from qingjian.apps.network import queries as network
from qingjian.apps.network import rules as network_rules
from qingjian.apps.network.kinds import ELEMENTS
from qingjian.apps.observing import charts, handling, present, queries, stores
from qingjian.apps.observing.models import SEVERITY_RANK
from qingjian.contracts.current import now
from qingjian.contracts.latest import LatestValue
from qingjian.ui.newest import newest
from qingjian.ui.templatetags.kit import own_language

WAITING_SHOWN = 8

WORST_FIRST = Case(
    *(When(severity=name, then=Value(-rank)) for name, rank in SEVERITY_RANK.items()), default=Value(0)
)


def presence_counts(user: Any) -> dict[str, int]:
    """Return how many of the person's devices are online, silent and never seen."""
    seen = {one.mn: one for one in stores.presence().read()}
    counts = {"online": 0, "silent": 0, "never": 0, "total": 0}
    for device in network.in_force(network.devices_visible_to(user).filter(synthetic=False)):
        counts["total"] += 1
        one = seen.get(device.mn)
        if one is None or one.last_frame_at is None:
            counts["never"] += 1
        elif one.online and (now() - one.last_frame_at).total_seconds() <= device.silence_seconds:
            counts["online"] += 1
        else:
            counts["silent"] += 1
    return counts


def freshness(user: Any) -> dict[str, Any]:
    """Return how many series have a value within their expected periods."""
    latest: dict[int, list[LatestValue]] = {}
    for value in queries.latest_of(user):
        latest.setdefault(value.series, []).append(value)
    current = total = 0
    rows = network.only_in_force(
        network.series_visible_to(user).filter(point__status="running").exclude(point__kind="synthetic")
    )
    for number, expected in rows.values_list("pk", "expected"):
        if not expected:
            continue
        total += 1
        if present.is_current(present.present(latest.get(number, ()), expected), expected):
            current += 1
    return {"current": current, "total": total, "share": round(100 * current / total) if total else None}


def processing() -> list[tuple[str, Any]]:
    """Return what the pipeline says of itself, in words; empty before its first start."""
    try:
        status = json.loads(
            (settings.DATA_FOLDER.findings.parent / "pipeline.json").read_text(encoding="utf-8")
        )
    except (OSError, ValueError):
        return []
    shown = (
        ("frames", _("Frames read")),
        ("observations", _("Values stored")),
        ("repeated", _("Resent, unchanged")),
        ("changed", _("Changed after the fact")),
        ("open_gaps", _("Open gaps")),
        ("behind_frames", _("Frames waiting")),
        ("frames_per_second", _("Frames per second")),
    )
    return [(title, status[name]) for name, title in shown if name in status]


def map_points(user: Any) -> list[dict[str, Any]]:
    """Return every point in reach with its state and newest values, for map and side list."""
    points = list(
        network.points_visible_to(user, Capability.VIEW_DATA)
        .exclude(kind="synthetic")
        .exclude(longitude=None)
    )
    series = sorted(
        network.series_visible_to(user).filter(point__in=points).exclude(origin="platform"),
        key=lambda one: (one.origin == "simulated", one.pk),
    )
    latest: dict[int, list[LatestValue]] = {}
    for value in queries.latest_of(user, [one.pk for one in series]):
        latest.setdefault(value.series, []).append(value)
    newest = {one.pk: present.present(latest[one.pk], one.expected) for one in series if one.pk in latest}
    alarmed = set(
        queries.open_alerts(user)
        .filter(ended_at=None, severity__in=("major", "critical"))
        .values_list("point_id", flat=True)
    )
    watched = set(
        queries.open_alerts(user).filter(ended_at=None, severity="minor").values_list("point_id", flat=True)
    )
    rows = []
    for point in points:
        own = [one for one in series if one.point_id == point.pk]
        values = [(one, newest[one.pk]) for one in own if one.pk in newest]
        current = any(present.is_current(value, one.expected) for one, value in values)
        if point.pk in alarmed:
            state, text = "alert", _("alert")
        elif not current:
            state, text = "stale", _("no present data")
        elif point.pk in watched or any(
            charts.validity(value.flag, one)[0] == "bad" for one, value in values
        ):
            state, text = "look", _("needs a look")
        else:
            state, text = "ok", _("normal")
        rows.append(
            {
                "code": point.code,
                "name": point.name,
                "element": point.element,
                "element_text": str(ELEMENTS[point.element]),
                "kind": point.get_kind_display(),
                "longitude": point.longitude,
                "latitude": point.latitude,
                "state": state,
                "state_text": text,
                "notice": own_language(point.notice),
                "values": [
                    {
                        "name": str(one.factor),
                        "value": value.value,
                        "decimals": one.decimals,
                        "unit": one.unit,
                        "simulated": one.origin == "simulated",
                        "at": int(value.start.timestamp() * 1000),
                    }
                    for one, value in values[:8]
                ],
            }
        )
    return rows


def _decidable(user: Any, proposed: QuerySet[registry.ChangeRequest]) -> Iterator[registry.ChangeRequest]:
    """Yield what a person may decide, however much there is that others have to; asked once for each set of places."""
    answers: dict[tuple[str, ...], bool] = {}
    for one in proposed.select_related("region", "author").iterator(chunk_size=200):
        places = tuple(one.places or [one.region.code])
        if places not in answers:
            answers[places] = network_rules.may_decide_in(user, list(places))
        if answers[places]:
            yield one


def waiting_for(user: Any) -> dict[str, Any]:
    """Return what waits for this person: decisions, own proposals, alerts to take over."""
    capabilities = account_rules.capabilities(user)
    proposed = network.changes_visible_to(user).filter(state=registry.ChangeRequest.State.PROPOSED)
    to_decide = (
        list(islice(_decidable(user, proposed.exclude(author=user)), WAITING_SHOWN + 1))
        if Capability.APPROVE_REGISTRY in capabilities
        else []
    )
    return {
        "to_decide": to_decide[:WAITING_SHOWN],
        "more_to_decide": len(to_decide) > WAITING_SHOWN,
        "corrections": newest(queries.corrections_to_decide(user), WAITING_SHOWN),
        "resets": accounts.resets_to_decide(user),
        "own": newest(proposed.filter(author=user), WAITING_SHOWN),
        "matters": matters.waiting_summary(user),
        "clues": integrity.newest_open(user),
        "alerts": handling.shown(
            user,
            queries.open_alerts(user).order_by(WORST_FIRST, "-escalation", "-last_at"),
            WAITING_SHOWN,
        )
        if capabilities & {Capability.VIEW_DATA, Capability.RUN_SYSTEM}
        else [],
        "escalated": governance.escalated_to(user),
    }
