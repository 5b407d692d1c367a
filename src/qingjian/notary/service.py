"""The notary at work: sequence what waits, have it cosigned, again and again. One tick is one look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qingjian.notary import attendance
from qingjian.notary.errors import FrozenError
from qingjian.notary.notary import DEFAULT_BATCH, Cosigning, Notary
from qingjian.notary.outbox import Outbox
from qingjian.notary.witness import WitnessClient

MAX_ROUNDS = 64
"""Most rounds of sequencing in one tick, so that cosigning is never starved."""


@dataclass(frozen=True)
class Tick:
    """What one tick did; ``frozen`` is the reason when the notary does not sign."""

    added: int
    cosigning: Cosigning | None
    frozen: str | None


class NotaryService:
    """Runs a notary for its outboxes and witnesses; the caller ticks about once a second."""

    def __init__(
        self,
        notary: Notary,
        outboxes: Sequence[Outbox],
        witnesses: Sequence[WitnessClient] = (),
        cosign_every: float = 60.0,
    ) -> None:
        self.notary = notary
        self.outboxes = list(outboxes)
        self.witnesses = list(witnesses)
        self.cosign_every = cosign_every
        self._cosigned: tuple[str, int] | None = None
        self._cosign_due = notary.clock.monotonic()

    def tick(self) -> Tick:
        """Sequence until nothing waits; ask the witnesses when it is time and there is something new."""
        added = 0
        try:
            for _ in range(MAX_ROUNDS):
                done = self.notary.sequence(self.outboxes)
                added += done.added
                if done.marked < DEFAULT_BATCH:
                    break
        except FrozenError:
            return Tick(added, None, self.notary.frozen)
        attendance.note_publication(self.notary)
        return Tick(added, self._cosign(), self.notary.frozen)

    def _cosign(self) -> Cosigning | None:
        now = self.notary.clock.monotonic()
        row = self.notary.state.shards()[-1]
        if not self.witnesses or now < self._cosign_due or self._cosigned == (row.name, row.size):
            return None
        self._cosign_due = now + self.cosign_every
        result = self.notary.cosign(self.witnesses)
        attendance.note(self.notary, result)
        if all(answer == "cosigned" for answer in result.answers.values()):
            self._cosigned = (result.shard, result.size)
        return result
