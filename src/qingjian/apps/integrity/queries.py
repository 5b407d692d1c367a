"""Reads of data integrity."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from qingjian.apps.accounts import queries as accounts
from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import AuditEvent, Region
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.integrity.models import RuleSet, Suspect, Trial
from qingjian.apps.integrity.precision import mutes_in_force, why
from qingjian.apps.integrity.processes import CLUE, VERIFICATION
from qingjian.apps.integrity.self_proof import SELF_PROOF
from qingjian.apps.integrity.words import english, kind_title, rule_title
from qingjian.apps.matters import queries as matters
from qingjian.apps.matters.models import Matter
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Series
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing.models import Alert, Clue, Correction, Mark
from qingjian.apps.records import queries as records
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA
from qingjian.rulebook import Row

AROUND = timedelta(days=3)
"""Marks and alerts so long before and after a clue are shown beside it."""
A_MONTH = timedelta(days=31)
"""Materials of the month before are shown too: what is used is often entered by months."""
SHOWN_READINGS = 4
SIMILAR = 8


def verifications_visible_to(user: Any) -> QuerySet[Matter]:
    return matters.listed(matters.visible_to(user).filter(kind=VERIFICATION.code))


def self_proofs_visible_to(user: Any) -> QuerySet[Matter]:
    """Return the requests a person may see: those of the bureau's regions, or those made to the person's own unit."""
    return matters.listed(matters.visible_to(user).filter(kind=SELF_PROOF.code))


def verification_of(user: Any, clue: Clue) -> Matter | None:
    """Return the newest verification of a clue that is not void, if the person may see it."""
    return _matter_of(user, clue, VERIFICATION.code)


def self_proof_of(user: Any, clue: Clue) -> Matter | None:
    """Return the newest request for self-proof about a clue that is not void, if the person may see it."""
    return _matter_of(user, clue, SELF_PROOF.code)


def _matter_of(user: Any, clue: Clue, kind: str) -> Matter | None:
    return (
        matters.from_origin(matters.visible_to(user), f"{CLUE}:{clue.pk}")
        .filter(kind=kind)
        .exclude(state="void")
        .order_by("-opened_at", "-pk")
        .first()
    )


def running_verification(clue: Clue) -> Matter | None:
    """Return the verification of a clue that is not finished, whoever may see it."""
    return matters.open_from(f"{CLUE}:{clue.pk}").filter(kind=VERIFICATION.code).first()


def running_matters(clue: Clue) -> list[Matter]:
    """Return the open matters about a clue, whoever may see them: they decide it."""
    return list(matters.open_from(f"{CLUE}:{clue.pk}"))


def clues_listed(user: Any) -> QuerySet[Clue]:
    """Return the clues a person may see for a list: open ones first, then those about the newest days."""
    decided = Case(When(state=Clue.State.OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())
    rows = observing.clues_visible_to(user).defer("evidence")
    return rows.order_by(decided, "-start", "-score", "pk")


def newest_open(user: Any, count: int = 5) -> list[Clue]:
    """Return the newest open clues that a person may act on or approve, for the workbench."""
    reach = frozenset(observing.points_of_clues(user).values_list("pk", flat=True))
    # Along an index until enough lie in reach: with the reach in the query SQLite sorts every open clue.
    newest = observing.open_clues().order_by("-start", "-score").values_list("pk", "point_id").iterator()
    first = list(islice((number for number, point in newest if point in reach), count))
    rows = observing.clues_visible_to(user).filter(pk__in=first).defer("evidence")
    return list(rows.order_by("-start", "-score"))


def matters_of(user: Any, clue: Clue) -> list[Matter]:
    """Return every matter about a clue that the person may see, newest first."""
    return list(
        matters.listed(matters.from_origin(matters.visible_to(user), f"{CLUE}:{clue.pk}")).order_by(
            "-opened_at"
        )
    )


def decisions(clue: Clue) -> list[dict[str, Any]]:
    """Return every decision about a clue as the ledger holds it, oldest first; with one alone the clue says it itself."""
    rows = [records.content(one) for one in records.events_about("clue.decided", [clue.pk]).order_by("pk")]
    words = dict(Clue.State.choices)
    return [
        {
            "state": _("opened again") if one["decision"] == Clue.State.OPEN else words[one["decision"]],
            "by": one.get("actor_name", ""),
            "at": datetime.fromisoformat(one["at"]),
            "reason": one["reason"],
        }
        for one in rows
        if len(rows) > 1
    ]


def similar(user: Any, clue: Clue) -> list[Clue]:
    """Return past clues to compare with: of the same series, then of the point, then of the kind; decided ones first."""
    rank = Case(
        When(series_id=clue.series_id, then=Value(0)),
        When(point_id=clue.point_id, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    rows = (
        observing.clues_visible_to(user)
        .defer("evidence")
        .exclude(pk=clue.pk)
        .filter(Q(point_id=clue.point_id) | Q(kind=clue.kind, rule=clue.rule))
        .annotate(
            rank=rank,
            undecided=Case(
                When(state=Clue.State.OPEN, then=Value(1)), default=Value(0), output_field=IntegerField()
            ),
        )
    )
    return list(rows.order_by("rank", "undecided", "-start")[:SIMILAR])


def marks_around(clue: Clue) -> list[Mark]:
    """Return the marks that hold near a clue, of the point's series."""
    if clue.end is None:
        return []
    return observing.marks_in_force(clue.point, clue.start - AROUND, clue.end + AROUND)


def log_around(clue: Clue) -> dict[str, Any]:
    """Return what log books and register say of the point near a clue: sessions, software, materials, settings."""
    end = (clue.end or clue.start) + AROUND
    first, last = (one.astimezone(CHINA).date() for one in (clue.start, (clue.end or clue.start)))
    outlet = clue.point.outlet_id
    return {
        "sessions": observing.sessions_known([clue.point_id], clue.start - AROUND, end),
        "software": observing.software_known([clue.point_id], end, SHOWN_READINGS),
        "materials": observing.materials_known([outlet], first - A_MONTH, last) if outlet else [],
        "settings": network.settings_changed(clue.point, clue.start - AROUND, end),
    }


def corrections_within(clue: Clue) -> list[Correction]:
    """Return the decided corrections of the values a clue is about; screening looks at what was received."""
    if clue.series_id is None or clue.end is None:
        return []
    return observing.corrections_known([clue.series_id], "hour", clue.start, clue.end)


def alerts_around(user: Any, clue: Clue) -> list[Alert]:
    """Return the alerts of the point near a clue."""
    end = (clue.end or clue.start) + AROUND
    return list(
        observing.alerts_visible_to(user).filter(
            point=clue.point, opened_at__lt=end, last_at__gte=clue.start - AROUND
        )[:10]
    )


def statement_of(clue: Clue) -> str:
    """Return the paragraph of a clue in the person's language."""
    return clue.statement_en if english() and clue.statement_en else clue.statement


def circumstances(clue: Clue) -> list[Row]:
    """Return the official circumstances a clue resembles, in the order of its kind."""
    wanted = clue.evidence.get("circumstances", [])
    held = {row.values["id"]: row for row in rulebook().rows("fraud_circumstances")}
    return [held[one] for one in wanted if one in held]


def mutes() -> list[dict[str, Any]]:
    """Return what is muted now, in words."""
    return [
        {
            "mute": one,
            "rule": rule_title(one.rule),
            "kind": kind_title(one.kind),
            "why": why(one),
            "by": f"{one.author.name} · {one.second.name}"
            if one.author and one.second
            else _("the precision floor"),
        }
        for one in mutes_in_force().values()
    ]


def suspects_of(clue: Clue) -> tuple[Suspect | None, list[Suspect]]:
    """Return the suspect a clue was made of (None for clues written otherwise), and those that joined it."""
    rows = list(clue.suspects.select_related("series__factor").prefetch_related("versions"))
    own = next((one for one in rows if (one.series_id, one.rule) == (clue.series_id, clue.rule)), None)
    return own, [one for one in rows if one is not own]


def said_of(suspect: Suspect) -> dict[str, Any]:
    """Return what screening said of a suspect last, with its paragraph in the person's language as `text`."""
    said = [one.record for one in suspect.versions.all() if not one.withdrawn]
    record = said[-1] if said else {}
    return {**record, "text": record.get("text_en" if english() else "text_zh", "")}


def suspects_visible_to(user: Any) -> QuerySet[Suspect]:
    """Return the suspects in the person's regions."""
    return (
        Suspect.objects.defer("chart")
        .select_related("series__point__region", "series__factor")
        .filter(series__point__in=observing.points_of_clues(user))
    )


def codes_of_clues(user: Any) -> frozenset[str]:
    """Return the codes of the series whose clues a person may see."""
    rows = Series.objects.filter(point__in=observing.points_of_clues(user))
    return frozenset(rows.values_list("code", flat=True))


def rule_sets() -> QuerySet[RuleSet]:
    return RuleSet.objects.select_related("author", "activated_by").prefetch_related("trials")


def activations(rules: RuleSet) -> QuerySet[AuditEvent]:
    """Return every time a rule set was switched on, oldest first; the rule set itself holds the last one."""
    return accounts.done_to("integrity:rules:switched-on", str(rules.version))


def trials() -> QuerySet[Trial]:
    return Trial.objects.select_related("rules", "against", "author")


def counties_of_clues(user: Any) -> list[tuple[str, str]]:
    """Return (code, name) of the counties whose clues a person may see."""
    reach = account_rules.scope(user, Capability.VIEW_DATA)
    return list(Region.objects.filter(level="county", pk__in=reach.regions).values_list("code", "name"))
