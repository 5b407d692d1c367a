"""What a change of rules would do to stored results, before it is approved, and where to see what it did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Region
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import queries, services
from qingjian.apps.evaluation.drafts import Chosen, Draft
from qingjian.apps.evaluation.elements import ELEMENT_RULES
from qingjian.apps.evaluation.models import Evaluation, Failure, RuleChange
from qingjian.apps.evaluation.rule_views import said, said_now
from qingjian.apps.network.models import Point
from qingjian.apps.rulekeeping.effects import Changed, Effect, Outcome, Outlook, register
from qingjian.apps.rulekeeping.models import RuleProposal
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.rulebook import Row, Rulebook, difference

LOOKED_AHEAD = timedelta(days=31)
"""How much of the newest past is worked out before the approval; afterwards everything touched is."""
MOST_SHOWN = 40


def look_ahead(present: Rulebook, following: Rulebook, user: Any) -> list[Outlook]:
    """Work out the newest month under the rules as proposed; list and count which of the results a person sees would be others."""
    points = set(queries.points_visible_to(user).values_list("pk", flat=True))
    regions = account_rules.scope(user, Capability.VIEW_DATA).regions
    apart = difference(present, following)
    pairs: list[tuple[Row | None, Row | None]] = [
        *((None, row) for row in apart.added),
        *((row, None) for row in apart.removed),
        *apart.changed,
    ]
    found = []
    for one in services.to_evaluate(pairs):
        element = ELEMENT_RULES[one["element"]]
        spoiled = Failure.objects.filter(element=element.name).exclude(point=None)
        standing = Chosen(None, frozenset(spoiled.values_list("point_id", flat=True)))
        whole_first, last = date.fromisoformat(one["first"]), date.fromisoformat(one["last"])
        first = max(whole_first, last - LOOKED_AHEAD)
        drafts = [
            one
            for one in element.evaluate(following, first, last, services.whole_hour(now()), standing)
            if (one.point in points if one.point else one.region in regions)
        ]
        others = [
            (draft, before)
            for draft, _digest, before in services.differing(drafts, in_detail=True)
            if before is not None
        ]
        others.sort(key=lambda pair: pair[0].start, reverse=True)
        found.append(
            Outlook(
                str(element.title),
                first,
                last,
                whole_first,
                len(drafts),
                _changed(others[:MOST_SHOWN]),
                len(others),
            )
        )
    return found


def _changed(others: Sequence[tuple[Draft, Evaluation]]) -> list[Changed]:
    points = Point.objects.in_bulk({draft.point for draft, _before in others if draft.point})
    regions = Region.objects.in_bulk({draft.region for draft, _before in others if not draft.point})
    return [
        Changed(
            str(points[draft.point] if draft.point else regions[draft.region]),
            _period(draft),
            said(before),
            said_now(draft, before),
            reverse("evaluation-why", args=(before.pk,)),
        )
        for draft, before in others
    ]


def _period(draft: Draft) -> str:
    start = draft.start.astimezone(CHINA)
    if draft.kind.endswith("month"):
        return f"{start:%Y-%m}"
    if draft.kind.endswith("year"):
        return f"{start:%Y}"
    return f"{start:%Y-%m-%d %H:00}" if draft.kind.endswith("hour") else f"{start:%Y-%m-%d}"


def outcomes(proposal: RuleProposal) -> list[Outcome]:
    """Return what has been evaluated again, and what still will be, since a proposal was approved."""
    rows = {row.id for row in (Row.from_values(proposal.table, one) for one in proposal.rows)}
    rows |= set(proposal.taken_back)
    changes = (
        RuleChange.objects.filter(source=RuleChange.Source.RULES, at__gte=proposal.decided_at)
        .defer("snapshot")
        .order_by("id")
    )
    change = next((one for one in changes if rows & {row["id"] for row in one.rows}), None)
    if change is None:
        return []
    url = reverse("rule-change", args=(change.pk,))
    done = [(one, _now("Done"), one["results"]) for one in change.done]
    todo = [(one, _now("Waiting"), 0) for one in change.todo]
    return [
        Outcome(
            str(ELEMENT_RULES[one["element"]].title),
            date.fromisoformat(one["first"]),
            date.fromisoformat(one["last"]),
            state,
            count,
            url,
        )
        for one, state, count in (*done, *todo)
    ]


register(Effect("evaluation", _("Stored results"), look_ahead, outcomes))
