"""Whether a frame or a value that a page shows stands unchanged in the ledger: computed at each look, never stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings

from qingjian.apps.network.models import Series
from qingjian.apps.observing import stores
from qingjian.contracts.clock import CHINA
from qingjian.desk.ledger import opening, owners, sealing
from qingjian.desk.ledger.frames import ONE, StoredFrames
from qingjian.journal.frame import EPOCH
from qingjian.ledger.errors import LedgerError
from qingjian.notary.provenance import Provenance, Tracer, trace_series_day
from qingjian.notary.sealing import seal_of


def frame_chain(user: Any, journal: str, sequence: int) -> tuple[bool, Provenance | None]:
    """Return whether the person may see the frame, and its chain; None while its batch is open.

    Both copies must hold, that of the lake, which pages show, and that of the journal while it is kept.
    """
    with StoredFrames(settings.DATA_FOLDER.journal, stores.lake()) as frames:
        in_lake, in_journal = frames.kept(journal, sequence)
        newest = in_lake or in_journal
        if newest is None or not owners.may_see(user, newest, EPOCH + newest.received_us * ONE):
            return False, None
        whole = frames.batch_around(newest, (in_journal or newest).batch)
        if not whole or not opening.exists():
            return True, None
        with opening.opened() as notary:
            tracer = Tracer(notary, opening.witness_keys())
            chains = [tracer.trace(one, whole) for one in (in_lake, in_journal) if one is not None]
    return True, next((chain for chain in chains if chain.verdict is False), chains[0])


def value_chain(series: Series, statistic: str, start: datetime) -> Provenance | None:
    """Return the chain of the sealed day that a value stands in, computed from what is stored now; None before it is
    sealed."""
    if not opening.exists():
        return None
    day = start.astimezone(CHINA).date()
    with opening.opened() as notary:
        try:
            seal = seal_of(notary, day)
        except LedgerError:
            seal = None
        canonical = (
            sealing.canonical_now(seal, (series.pk, statistic), sealing.names()) if seal is not None else None
        )
        name = f"{series.code}/{statistic}"
        revisions = stores.lake().observation_history(series.pk, statistic, start).column("known_at")
        newest = max(revisions.to_pylist(), default=None)
        return trace_series_day(notary, day, name, canonical or b"", opening.witness_keys(), newest)
