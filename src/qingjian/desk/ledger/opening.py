"""The ledger of this node, opened for one question."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from qingjian.contracts.current import clock
from qingjian.ledger.note import VerifierKey
from qingjian.notary.configured import reopen, witnesses
from qingjian.notary.notary import Notary


def exists() -> bool:
    """Say whether this node has a ledger yet."""
    return (settings.DATA_FOLDER.ledger / "state.sqlite3").exists()


@contextmanager
def opened() -> Iterator[Notary]:
    """Open the ledger and close it again; NotaryError when there is none."""
    notary = reopen(settings.DATA_FOLDER.ledger, clock(), settings.CONFIGURATION.ledger_mirror)
    try:
        yield notary
    finally:
        notary.close()


def witness_keys() -> list[VerifierKey]:
    """Return the keys of the witnesses this node asks; cosignatures of others are not counted."""
    return [key for key, _url in witnesses(settings.CONFIGURATION.ledger_witnesses)]
