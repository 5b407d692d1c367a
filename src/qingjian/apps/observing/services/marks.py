"""Marks and levels of data, and the pipeline told of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network.models import Point
from qingjian.apps.observing import levels, recorded, rules, statuses, stores
from qingjian.apps.observing.models import (
    Mark,
)
from qingjian.apps.records import services as records
from qingjian.contracts.current import now

MARKS_LOOKED_AT = 1_000
"""Newest marks compared with what the pipeline was told."""


def set_mark(
    author: Any,
    point: Point,
    series: Sequence[str],
    start: datetime,
    end: datetime,
    kind: str,
    reason: str,
    supersedes: Mark | None = None,
    withdrawn: bool = False,
) -> Mark:
    """Set a mark on a stretch of series of one point; earlier marks stay and are superseded, never changed."""
    account_rules.require(
        author, Capability.MARK_DATA, region=point.region, organisation_id=point.organisation_id
    )
    if end <= start:
        raise ValidationError(_("The end must lie after the beginning."))
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    if kind not in Mark.Kind.values:
        raise ValidationError(_("Choose a kind of mark."))
    rules.require_mark(author, point, series, start, end, kind, supersedes)
    if kind in rules.LEVEL_MARKS:
        rules.require_level(author, point, kind)
        levels.require_order(author, point, series, start, end, kind, withdrawn=withdrawn)
    own = set(point.series.values_list("code", flat=True))
    unknown = set(series) - own
    if not series or unknown:
        raise ValidationError(_("Choose series of this point."))
    with transaction.atomic():
        mark = Mark.objects.create(
            point=point,
            series=sorted(series),
            start=start,
            end=end,
            kind=kind,
            author=author,
            reason=reason.strip(),
            known_at=now(),
            supersedes=supersedes,
            withdrawn=withdrawn,
        )
        accounts.record(
            author,
            "data:mark:withdrawn" if withdrawn else "data:mark:set",
            point.code,
            {"mark": mark.pk, "kind": kind},
        )
        records.commit("mark.withdrawn" if withdrawn else "mark.set", mark.pk, recorded.mark(mark))
        transaction.on_commit(lambda: stores.facts().append([statuses.stated(mark)]), robust=True)
    return mark


def tell_pipeline_of_marks() -> int:
    """Hand marks to the pipeline, which makes the periods they touch anew; returns how many it did not have.

    Each mark is handed over when it is set; the worker looks again, so that none is lost when a process dies in
    between. Numbers are given before transactions end, so marks below the newest one are looked at too.
    """
    log = stores.facts()
    newest = Mark.objects.order_by("-pk").values_list("pk", flat=True).first()
    if newest is None:
        return 0
    told = log.last()
    behind = Mark.objects.filter(pk__gt=0 if told == 0 else max(newest - MARKS_LOOKED_AT, 0))
    return log.append([statuses.stated(mark) for mark in behind.select_related("author").order_by("pk")])


def set_levels(
    author: Any, points: Iterable[Point], start: datetime, end: datetime, kind: str, reason: str
) -> tuple[list[Mark], list[tuple[Point, str]]]:
    """Raise all series of several points to a level; returns the marks set, and the points refused with the reason."""
    if kind not in rules.LEVEL_MARKS:
        raise ValidationError(_("Choose a level."))
    done, refused = [], []
    for point in points:
        codes = list(point.series.exclude(origin="platform").values_list("code", flat=True))
        try:
            done.append(set_mark(author, point, codes, start, end, kind, reason))
        except (ValidationError, PermissionDenied) as error:
            refused.append((point, " ".join(getattr(error, "messages", None) or [str(error)])))
    return done, refused
