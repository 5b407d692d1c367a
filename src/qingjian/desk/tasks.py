"""Regular jobs that put several apps together."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from qingjian.apps.scheduling.jobs import Job, register
from qingjian.desk.ledger import checking


def check_ledger(period: datetime) -> str:
    """Check the ledger; what it finds stands on the workbench and in doctor, and the run counts as done."""
    found = checking.check()
    if found is None:
        return "there is no ledger yet"
    return f"{found.entries} entries, {found.batches} batches, {len(found.problems)} problems"


register(
    Job(
        "ledger-check",
        _("Ledger: check every entry and what stands behind it"),
        timedelta(days=1),
        check_ledger,
    )
)
