"""Deadlines of a matter, stops of its clocks, and the working-day calendar of the office."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import Organisation, Region
from qingjian.apps.matters.declarations import Party
from qingjian.apps.matters.models.kept import Kept
from qingjian.apps.matters.models.matter import Matter


class Deadline(Kept):
    """A clock that runs in a matter, with every input of its computation."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Stopped")
        MET = "met", _("Met")
        MISSED = "missed", _("Not met in time")
        CANCELLED = "cancelled", _("No longer needed")

    matter = models.ForeignKey(Matter, models.PROTECT, related_name="deadlines")
    kind = models.CharField(_("Kind of matter"), max_length=40)
    region = models.ForeignKey(Region, models.PROTECT, related_name="+", db_index=False)
    subject = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+", db_index=False)
    """Kind, region and subject of a matter never change; kept here too so that all clocks are counted without their matters."""
    code = models.CharField(max_length=40)
    title = models.CharField(_("Deadline"), max_length=120)
    party = models.CharField(
        max_length=8, default=Party.BUREAU.value, choices=[(one.value, one.value) for one in Party]
    )
    """Who has to meet it."""
    started_at = models.DateTimeField(_("Starts"))
    limit = models.PositiveIntegerField()
    unit = models.CharField(max_length=20)
    instrument = models.CharField(max_length=40)
    source = models.CharField(_("Source"), max_length=300)
    confidence = models.CharField(max_length=1)
    rule_row = models.CharField(max_length=60, blank=True)
    rulebook_version = models.CharField(max_length=16, blank=True)
    due = models.DateTimeField(_("Due"), null=True)
    """None while the clock is stopped."""
    provisional = models.BooleanField(default=False)
    calendar_version = models.CharField(max_length=16)
    state = models.CharField(_("State"), max_length=10, choices=State.choices, default=State.RUNNING)
    ended_at = models.DateTimeField(_("Done"), null=True)
    responsible = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    """Who of the authority had to meet it when it ended; nobody where it was the organisation's."""
    answer = models.JSONField(null=True)
    """Once it has ended: the explanation of the date that counted, as `queries.as_kept` returns it."""
    remind_at = models.DateTimeField(null=True)
    escalate_at = models.DateTimeField(null=True)
    escalate_every = models.DurationField()
    escalation = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("started_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("matter", "code"),
                condition=models.Q(state__in=("running", "paused")),
                name="one_running_clock_of_a_kind",
            ),
        )
        indexes = (
            models.Index(fields=("state", "due"), name="deadline_state_due"),
            # Holds all that punctuality counts, in the order in which it is grouped: the table itself is not read.
            models.Index(
                fields=(
                    *("region", "kind", "code", "subject", "party", "responsible"),
                    *("state", "ended_at", "due", "escalation"),
                ),
                name="deadline_counted",
            ),
            models.Index(
                fields=("remind_at",), condition=models.Q(remind_at__isnull=False), name="deadline_to_remind"
            ),
            models.Index(
                fields=("escalate_at",),
                condition=models.Q(escalate_at__isnull=False),
                name="deadline_to_escalate",
            ),
        )
        verbose_name = _("Deadline")

    def __str__(self) -> str:
        return f"{self.matter_id} {self.code} {self.due}"


class DeadlineRevision(Kept):
    """What a deadline was before it was computed again."""

    class Cause(models.TextChoices):
        CALENDAR = "calendar", _("The working-day calendar changed")
        STOPPED = "stopped", _("The clock was stopped")
        RESUMED = "resumed", _("The clock runs again")

    deadline = models.ForeignKey(Deadline, models.PROTECT, related_name="revisions")
    at = models.DateTimeField()
    due_before = models.DateTimeField(null=True)
    due_after = models.DateTimeField(null=True)
    calendar_before = models.CharField(max_length=16)
    cause = models.CharField(max_length=10, choices=Cause.choices, default=Cause.CALENDAR)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.deadline_id} {self.due_before} → {self.due_after}"


class ClockStop(Kept):
    """A stop of clocks of a matter. It counts only when somebody else has approved it."""

    class State(models.TextChoices):
        ASKED = "asked", _("Waits for approval")
        APPROVED = "approved", _("Approved")
        REFUSED = "refused", _("Refused")

    matter = models.ForeignKey(Matter, models.PROTECT, related_name="stops")
    start = models.DateTimeField(_("From"))
    end = models.DateTimeField(_("To"), null=True)
    codes = models.JSONField(default=list)
    """The deadlines it stops; every one where none is named, as in stops from before they could be chosen."""
    reason = models.CharField(_("Reason"), max_length=300)
    document = models.CharField(_("Document"), max_length=200, blank=True)
    state = models.CharField(_("State"), max_length=10, choices=State.choices, default=State.ASKED)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("Asked by")
    )
    asked_at = models.DateTimeField(null=True)
    asked_for = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    """On whose behalf it was asked, when a deputy asked."""
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("Decided by")
    )
    decided_for = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    """On whose behalf it was decided, when a deputy decided."""
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("start", "id")
        verbose_name = _("Stop of the clock")

    def __str__(self) -> str:
        return f"{self.matter_id} {self.start}…{self.end or ''}"


class CalendarTable(Kept):
    """A year's working days as this office imported them; the newest of a year stands in place of the packaged one."""

    year = models.PositiveSmallIntegerField(_("Year"))
    text = models.TextField()
    """The table as it was read from the file, whatever encoding that had."""
    document = models.CharField(_("Document"), max_length=200)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name=_("Author"))
    at = models.DateTimeField(_("Time"))

    class Meta:
        ordering = ("-id",)
        verbose_name = _("Working-day table")

    def __str__(self) -> str:
        return f"{self.year} {self.document}"
