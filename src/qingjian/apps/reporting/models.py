"""Routine reports: what was said of a region and a period, with the files that were made of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import Region
from qingjian.apps.matters.models import StoredFile


class Report(models.Model):
    """One version of a routine report. It is never changed but to become final; newer data make a new version."""

    class Element(models.TextChoices):
        AIR = "air", _("Air")
        WATER = "water", _("Surface water")

    class Span(models.TextChoices):
        DAY = "day", _("Daily report")
        MONTH = "month", _("Monthly report")
        QUARTER = "quarter", _("Quarterly report")
        YEAR = "year", _("Yearly report")

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        FINAL = "final", _("Final")

    element = models.CharField(_("Element"), max_length=8, choices=Element.choices)
    span = models.CharField(_("Kind"), max_length=8, choices=Span.choices)
    region = models.ForeignKey(Region, models.PROTECT, related_name="+", verbose_name=_("Region"))
    first = models.DateField(_("From"))
    last = models.DateField(_("To"))
    revision = models.PositiveIntegerField(_("Version"), default=1)
    state = models.CharField(_("State"), max_length=6, choices=State.choices, default=State.DRAFT)
    content = models.JSONField()
    """Figures and texts in both languages; page, Word and Excel are made from it alone."""
    digest = models.CharField(_("Digest"), max_length=64)
    """SHA-256 of the canonical content."""
    word = models.ForeignKey(StoredFile, models.PROTECT, related_name="+", verbose_name="Word")
    excel = models.ForeignKey(StoredFile, models.PROTECT, related_name="+", verbose_name="Excel")
    confidence = models.CharField(_("Confidence"), max_length=1)
    rulebook = models.CharField(max_length=16)
    calculation = models.PositiveSmallIntegerField(_("Version of the evaluation"), default=1)
    """By which version of the program the figures were worked out; 1 for reports older than this field."""
    made_at = models.DateTimeField(_("Made at"))
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("Made by")
    )
    """None for reports made by the schedule."""
    final_at = models.DateTimeField(_("Final since"), null=True)
    final_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("Signed off by")
    )
    remark = models.CharField(_("Remark"), max_length=500, blank=True)

    class Meta:
        ordering = ("-first", "-last", "element", "-revision")
        constraints = (
            models.UniqueConstraint(
                fields=("element", "span", "region", "first", "revision"), name="one_version_of_a_report"
            ),
        )
        verbose_name = _("Report")

    def __str__(self) -> str:
        return f"{self.element} {self.span} {self.region} {self.first} v{self.revision}"
