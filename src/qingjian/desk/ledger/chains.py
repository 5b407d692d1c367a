"""Whether a frame that a page shows stands unchanged in the ledger: computed at each look, never stored."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from qingjian.apps.network import queries as network
from qingjian.apps.observing import stores
from qingjian.desk.ledger import opening
from qingjian.desk.ledger.frames import StoredFrames
from qingjian.notary.provenance import Provenance, Tracer


def frame_chain(user: Any, journal: str, sequence: int) -> tuple[bool, Provenance | None]:
    """Return whether the person may see the frame, and its chain; None while its batch is open.

    Both copies must hold, that of the lake, which pages show, and that of the journal while it is kept.
    """
    with StoredFrames(settings.DATA_FOLDER.journal, stores.lake()) as frames:
        in_lake, in_journal = frames.kept(journal, sequence)
        newest = in_lake or in_journal
        if newest is None or not network.devices_visible_to(user).filter(mn=newest.mn).exists():
            return False, None
        whole = frames.batch_around(newest, (in_journal or newest).batch)
        if not whole or not opening.exists():
            return True, None
        with opening.opened() as notary:
            tracer = Tracer(notary)
            chains = [tracer.trace(one, whole) for one in (in_lake, in_journal) if one is not None]
    return True, next((chain for chain in chains if chain.verdict is False), chains[0])
