"""Runs of regular jobs."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from qingjian.apps.scheduling.said import shown


class Run(models.Model):
    """One run of a job for one period; the pair is unique, so a job runs once per period on any number of nodes."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    job = models.CharField(_("Job"), max_length=60)
    period = models.DateTimeField(_("Period"))
    state = models.CharField(_("State"), max_length=8, choices=State.choices)
    attempts = models.PositiveSmallIntegerField(_("Attempts"), default=1)
    started_at = models.DateTimeField(_("Started"))
    ended_at = models.DateTimeField(_("Ended"), null=True)
    result = models.TextField(_("Result"), blank=True)
    said = models.JSONField(null=True, editable=False)
    """Message and values of the result, so that each reader gets it in his language; None for plain text."""

    class Meta:
        ordering = ("-started_at", "-id")
        constraints = (models.UniqueConstraint(fields=("job", "period"), name="one_run_per_job_and_period"),)
        verbose_name = _("Run")

    @property
    def shown(self) -> str:
        """The result in the reader's language, in one line: of an error the last, which is the reason."""
        lines = shown(self.said, self.result).strip().splitlines() or [""]
        return lines[-1] if self.said is None else lines[0]

    def __str__(self) -> str:
        return f"{self.job} {self.period:%Y-%m-%d %H:%M}"
