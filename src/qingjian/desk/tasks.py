"""Regular jobs that put several apps together."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from qingjian.apps.scheduling.jobs import Job, register
from qingjian.apps.scheduling.said import sentence
from qingjian.desk.ledger import checking, opening, sealing


def seal_days(period: datetime) -> str:
    """Seal yesterday, and again the days whose values came late; once a day, two hours after midnight."""
    if not opening.exists():
        return sentence("there is no ledger yet")
    with opening.opened() as notary:
        done = sealing.seal_when_due(notary)
    return sentence("nothing is due") if done is None else done.text()


def check_ledger(period: datetime) -> str:
    """Check the ledger; what it finds stands on the workbench and in doctor, and the run counts as done."""
    found = checking.check()
    if found is None:
        return sentence("there is no ledger yet")
    return sentence(
        "%(entries)d entries, %(batches)d batches, %(problems)d problems",
        entries=found.entries,
        batches=found.batches,
        problems=len(found.problems),
    )


register(
    Job(
        "ledger-check",
        _("Ledger: check every entry and what stands behind it"),
        timedelta(days=1),
        check_ledger,
    )
)
register(
    Job(
        "ledger-seal",
        _("Ledger: seal the values of finished days"),
        timedelta(hours=1),
        seal_days,
    )
)
