"""Confirmations of rulebook rows."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import TwoPersonDecision


class RuleConfirmation(models.Model):
    """A person has compared a row with the document it stands for. Bound to the content that was seen."""

    row_id = models.CharField(max_length=200, db_index=True)
    row_digest = models.CharField(max_length=64)
    document = models.CharField(_("Document"), max_length=300)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name=_("Confirmed by"))
    at = models.DateTimeField(_("Confirmed at"))

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("row_id", "row_digest"), name="one_confirmation_per_content"),
        )
        verbose_name = _("Rule confirmation")

    def __str__(self) -> str:
        return f"{self.row_id} {self.document}"


class RuleProposal(TwoPersonDecision):
    """Proposed rows of one table of the rulebook, decided by a second person (maker-checker)."""

    table = models.CharField(_("Table"), max_length=40)
    rows = models.JSONField(default=list)
    """Column texts of the rows to add, or to put in the place of the row with the same key."""
    taken_back = models.JSONField(default=list)
    """Ids of local rows that shall no longer be used."""
    before = models.JSONField(default=dict)
    """Column texts of the rows that would be replaced or taken back, by row id, as they were when proposed."""
    received = models.TextField(blank=True)
    """The file as it came, decoded; empty when the rows were typed in."""
    file_name = models.CharField(_("File name"), max_length=200, blank=True)
    reason = models.CharField(_("Reason"), max_length=300)
    document = models.CharField(_("Document compared with"), max_length=300, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = _("Change of rules")

    def __str__(self) -> str:
        return f"{self.pk} {self.table} {self.reason}"


class LocalRow(models.Model):
    """A row of this office's own: a local standard, a newer edition, a permit's limit, or another value of a packaged row.

    Rows are never changed: a later one for the same key withdraws the earlier one.
    """

    row_id = models.CharField(max_length=200, db_index=True)
    table = models.CharField(max_length=40)
    values = models.JSONField()
    document = models.CharField(_("Document"), max_length=300)
    change = models.ForeignKey(RuleProposal, models.PROTECT, null=True, related_name="made")
    """The approved change that brought it; None for rows entered by one person."""
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("Entered by")
    )
    at = models.DateTimeField(_("Entered at"))
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("row_id",), condition=models.Q(withdrawn_at=None), name="one_local_row_in_force"
            ),
        )
        verbose_name = _("Local rule")

    def __str__(self) -> str:
        return f"{self.table} {self.row_id}"
