"""What opens the commitments in the ledger, and what the last check of the ledger found."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class LedgerEvent(models.Model):
    """A business event: its canonical bytes and salt open the commitment that stands in the ledger.

    Rows are only ever added; shard and position follow once the notary has given the entry its place.
    """

    kind = models.CharField(_("Kind"), max_length=40)
    identifier = models.CharField(_("Record"), max_length=120)
    canonical = models.BinaryField()
    salt = models.BinaryField()
    entry = models.BinaryField()
    leaf = models.CharField(max_length=64, unique=True)
    """Leaf hash of the entry in hex."""
    created_at = models.DateTimeField(_("Time"))
    shard = models.CharField(max_length=40, blank=True)
    position = models.BigIntegerField(null=True)

    class Meta:
        ordering = ("id",)
        indexes = (
            models.Index(fields=("kind", "identifier")),
            models.Index(fields=("id",), condition=models.Q(position=None), name="records_waiting"),
        )
        verbose_name = _("Ledger event")

    def __str__(self) -> str:
        return f"{self.kind} {self.identifier}"


class LedgerCheck(models.Model):
    """One check of the ledger and of everything it stands for."""

    at = models.DateTimeField(_("Time"), db_index=True)
    entries = models.BigIntegerField(_("Entries"))
    batches = models.BigIntegerField(_("Frame batches"))
    days = models.BigIntegerField(_("Sealed days"), default=0)
    problems = models.JSONField(_("Problems"), default=list)
    frozen = models.TextField(blank=True)
    """Why the ledger does not sign; empty when it does."""

    class Meta:
        ordering = ("-id",)
        verbose_name = _("Check of the ledger")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {len(self.problems)}"
