"""Sand dust and exception events: proposed with their evidence, decided by a second person, revoked by another again."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.models import Region
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import air_events, recorded
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.models import AirEvent
from qingjian.apps.records import services as records
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.intake import KeptFiles
from qingjian.standards.air import events
from qingjian.standards.errors import EvaluationError

LARGEST = 20 * 1024 * 1024
HEADS = {b"%PDF-": "pdf", b"\xff\xd8\xff": "jpg", b"\x89PNG\r\n\x1a\n": "png"}
LONGEST_DAYS = 31


def kept_evidence() -> KeptFiles:
    """Return the store of the evidence, by digest; nothing in it is ever deleted."""
    return KeptFiles(settings.DATA_FOLDER.uploads / "air-events")


def propose(
    author: Any,
    *,
    kind: str,
    region: Region,
    first: date,
    last: date,
    pollutants: Sequence[str],
    approval: str,
    reason: str,
    evidence: bytes,
    evidence_name: str,
) -> AirEvent:
    """Propose an event with the file that shows it. Raises ValidationError with what to correct."""
    account_rules.require(author, Capability.CONFIRM_RULES, region=region)
    if last < first:
        raise ValidationError({"last": _("The event ends before it starts.")})
    if last > day_of(now()):
        raise ValidationError({"last": _("An event cannot end in the future.")})
    if (last - first).days >= LONGEST_DAYS:
        raise ValidationError({"last": _("An event lasts at most a month; propose several.")})
    if not approval.strip():
        raise ValidationError(
            {"approval": _("Name the document that allows the deduction: without it nothing is deducted.")}
        )
    if not reason.strip():
        raise ValidationError({"reason": _("Give a reason: it stays in the history.")})
    if len(evidence) > LARGEST or not any(evidence.startswith(head) for head in HEADS):
        raise ValidationError({"evidence": _("The evidence is a PDF, JPEG or PNG file of at most 20 MB.")})
    event = events.Event(events.kind_of(kind), first, last, approval, frozenset(pollutants))
    try:
        events.deduct({}, [event], rulebook=rulebook())
    except EvaluationError as error:
        raise ValidationError(error.zh if _is_chinese() else error.en) from error
    overlapping = AirEvent.objects.filter(
        region__in=account_rules.above({region.pk}),
        kind=kind,
        state__in=(AirEvent.State.PROPOSED, AirEvent.State.APPROVED),
        first__lte=last,
        last__gte=first,
    ).first()
    if overlapping is not None:
        raise ValidationError({"first": _("These days overlap with: %(event)s") % {"event": overlapping}})
    digest = hashlib.sha256(evidence).hexdigest()
    with tempfile.NamedTemporaryFile() as received:
        received.write(evidence)
        received.flush()
        kept_evidence().keep(Path(received.name), digest)
    with transaction.atomic():
        row = AirEvent.objects.create(
            kind=kind,
            region=region,
            first=first,
            last=last,
            pollutants=sorted(pollutants),
            approval=approval.strip(),
            reason=reason.strip(),
            evidence_digest=digest,
            evidence_name=Path(evidence_name).name[:200],
            author=author,
            created_at=now(),
        )
        accounts.record(author, "air:event:proposed", str(row.pk), {"first": str(first), "last": str(last)})
    return row


def approve(author: Any, row: AirEvent, version: int, comment: str = "") -> AirEvent:
    """Let the days of an event leave the statistics; keep the figures before and after with the decision."""
    _require_other(author, row, row.author_id)
    effect = [one for year in row.years for one in air_events.as_data(air_events.effect(row, year), year)]
    return _decide(author, row, version, AirEvent.State.APPROVED, comment.strip(), effect=effect)


def reject(author: Any, row: AirEvent, version: int, comment: str) -> AirEvent:
    """Refuse an event with a reason."""
    _require_other(author, row, row.author_id)
    if not comment.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    return _decide(author, row, version, AirEvent.State.REJECTED, comment.strip())


def withdraw(author: Any, row: AirEvent, version: int) -> AirEvent:
    """Take back one's own proposal."""
    if author.pk != row.author_id:
        raise PermissionDenied(_("Only the author takes a proposal back."))
    return _decide(author, row, version, AirEvent.State.WITHDRAWN, "")


def revoke(author: Any, row: AirEvent, version: int, reason: str) -> AirEvent:
    """Take an approved event back: its days count again. Somebody else than who approved it does so."""
    _require_other(author, row, row.decided_by_id)
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    with transaction.atomic():
        changed = AirEvent.objects.filter(pk=row.pk, version=version, state=AirEvent.State.APPROVED).update(
            state=AirEvent.State.REVOKED,
            revoked_by=author,
            revoked_at=now(),
            revocation=reason.strip(),
            version=F("version") + 1,
        )
        if not changed:
            raise ValidationError(_("Somebody has decided this in the meantime. Reload the page."))
        row.refresh_from_db()
        accounts.record(author, "air:event:revoked", str(row.pk))
        records.commit("air_event.revoked", row.pk, recorded.event_revoked(row))
    return row


def _decide(author: Any, row: AirEvent, version: int, state: str, comment: str, **more: Any) -> AirEvent:
    with transaction.atomic():
        accounts.decide(author, row, version, state, comment=comment, **more)
        accounts.record(author, f"air:event:{state}", str(row.pk))
        records.commit("air_event.decided", row.pk, recorded.event_decided(row))
    return row


def _require_other(author: Any, row: AirEvent, first: int | None) -> None:
    account_rules.require(author, Capability.CONFIRM_RULES, region=row.region)
    if author.pk == first:
        raise PermissionDenied(_("Somebody else than the author decides."))


def _is_chinese() -> bool:
    from qingjian.apps.evaluation.queries import language

    return language() == "zh"
