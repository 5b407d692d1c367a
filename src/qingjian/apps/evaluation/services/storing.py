"""Results as revisions: what says the same as before is dropped, the rest stands beside what it supersedes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import transaction

from qingjian.apps.evaluation import bulk, explanation
from qingjian.apps.evaluation.drafts import OUTCOME, Draft
from qingjian.apps.evaluation.models import Evaluation, RuleChange
from qingjian.contracts.current import now
from qingjian.rulebook import Rulebook

EXPLAINED_AT_ONCE = 400
"""Up to so many new results of a run are stored with their trace; larger runs explain on demand."""
DRAFTS_AT_ONCE = 1000
"""Results compared and stored in one transaction."""
_FIELDS = (
    "kind",
    "point",
    "region",
    "start",
    "edition",
    "basis",
    "values",
    "aqi",
    "publishable",
    "category",
    "primary",
    "water_class",
    "target",
    "reached",
    "main_items",
    "exceeds",
    "multiple",
    "result",
    "confidence",
    "trace",
)


def differing(
    drafts: Iterable[Draft], *, in_detail: bool = False
) -> Iterator[tuple[Draft, str, Evaluation | None]]:
    """Yield (draft, its digest, current revision) for drafts that say something else than what is stored.

    `in_detail` also compares item by item: a changed limit may move an item without moving the whole.
    """
    by_kind: dict[str, list[Draft]] = {}
    for one in drafts:
        by_kind.setdefault(one.kind, []).append(one)
    for kind, own in by_kind.items():
        held = _current(kind, min(one.start for one in own), max(one.start for one in own), in_detail)
        for one in own:
            digest, before = one.digest, held.get(one.subject)
            if (
                before is not None
                and before.inputs_digest == digest
                and all(getattr(before, name) == getattr(one, name) for name in OUTCOME)
                and not (in_detail and before.result != json.loads(json.dumps(one.result)))
            ):
                continue
            yield one, digest, before


def store(
    drafts: Iterable[Draft], book: Rulebook, inputs_known_at: datetime, cause: RuleChange | None = None
) -> list[Evaluation]:
    """Store drafts: what says the same as the current revision is dropped, the rest becomes a new revision.

    `cause` is the change of the rulebook that asked for it. Returns the rows made. A transaction holds so many drafts
    that others who write wait a moment only; stopped in between, the next run stores the rest.
    """
    ordered = sorted(drafts, key=lambda one: (one.kind, one.start))
    moment = now()
    made: list[Evaluation] = []
    for begin in range(0, len(ordered), DRAFTS_AT_ONCE):
        with transaction.atomic():
            batch = ordered[begin : begin + DRAFTS_AT_ONCE]
            made += _store(batch, book, inputs_known_at, moment, cause, EXPLAINED_AT_ONCE - len(made))
    return made


def _store(
    drafts: list[Draft],
    book: Rulebook,
    inputs_known_at: datetime,
    moment: datetime,
    cause: RuleChange | None,
    explained: int,
) -> list[Evaluation]:
    superseded = []
    made = []
    for one, digest, before in differing(drafts, in_detail=cause is not None):
        if before is not None:
            superseded.append(before.pk)
        row = _row(one, digest, before, book, inputs_known_at, moment)
        row.rule_change = cause
        made.append(row)
    for begin in range(0, len(superseded), 500):
        Evaluation.objects.filter(pk__in=superseded[begin : begin + 500]).update(superseded_at=moment)
    if len(made) > explained:
        bulk.insert(made)
        return made
    for row in made:
        if row.trace is None and row.kind.startswith("air"):
            row.trace = explanation.air_trace(row, book).to_dict()
    Evaluation.objects.bulk_create(made)
    return made


def _current(
    kind: str, first: datetime, last: datetime, in_detail: bool
) -> dict[tuple[int | None, int, datetime], Evaluation]:
    rows = Evaluation.objects.filter(kind=kind, superseded_at=None, start__gte=first, start__lte=last).defer(
        "trace", "values", *(() if in_detail else ("result",))
    )
    return {(row.point_id, 0 if row.point_id else row.region_id, row.start): row for row in rows}


def _row(
    draft: Draft,
    digest: str,
    before: Evaluation | None,
    book: Rulebook,
    inputs_known_at: datetime,
    moment: datetime,
) -> Evaluation:
    return Evaluation(
        kind=draft.kind,
        point_id=draft.point,
        region_id=draft.region,
        **{name: getattr(draft, name) for name in _FIELDS if name not in ("kind", "point", "region")},
        rulebook=book.version,
        inputs_known_at=inputs_known_at,
        inputs_digest=digest,
        known_at=moment,
        revision=0 if before is None else before.revision + 1,
    )
