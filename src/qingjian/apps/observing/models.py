"""Findings as the apps keep them, alerts made from them, and marks people set on stretches of data."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import Organisation, Region, TwoPersonDecision
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing.log_books import (  # noqa: F401 - Django looks for models here
    Filing,
    MaterialUse,
    RemoteSession,
    SoftwareReading,
)

SEVERITY_CHOICES = (
    ("information", _("Information")),
    ("minor", _("Minor")),
    ("major", _("Major")),
    ("critical", _("Critical")),
)
SEVERITY_RANK = {"information": 0, "minor": 1, "major": 2, "critical": 3}
ESCALATE_AFTER = {"critical": timedelta(hours=1), "major": timedelta(hours=4), "minor": timedelta(hours=24)}
"""Until the authority takes an alert over it climbs one level after this long; information never becomes an alert."""
HIGHEST_ESCALATION = 2


class Consumer(models.Model):
    """How far the apps have read the finding log."""

    name = models.CharField(max_length=40, unique=True)
    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.position}"


class Alert(models.Model):
    """Findings that ask a person (报警), merged by rule and subject while it is not closed."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        ACKNOWLEDGED = "acknowledged", _("Acknowledged")
        CLOSED = "closed", _("Closed")

    class Cause(models.TextChoices):
        POLLUTION = "pollution", _("Real pollution")
        PROCESS = "process", _("Process or facility fault")
        INSTRUMENT = "instrument", _("Instrument fault")
        MAINTENANCE = "maintenance", _("Maintenance or calibration")
        NETWORK = "network", _("Power or network")
        SETTING = "setting", _("Wrong setting or registration")
        STOPPED = "stopped", _("Production stopped")
        RULE = "rule", _("The rule was wrong")
        HEARTBEAT = "heartbeat", _("Self-test of alerting")
        FILLED = "filled", _("The missing data came afterwards")
        OTHER = "other", _("Other")

    rule = models.CharField(_("Rule"), max_length=60)
    subject = models.CharField(_("Subject"), max_length=80)
    subject_kind = models.CharField(max_length=10)
    point = models.ForeignKey(
        Point, models.PROTECT, null=True, related_name="alerts", verbose_name=_("Monitoring point")
    )
    region = models.ForeignKey(Region, models.PROTECT, null=True, verbose_name=_("Region"))
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, verbose_name=_("Organisation"))
    severity = models.CharField(_("Severity"), max_length=12, choices=SEVERITY_CHOICES)
    state = models.CharField(_("State"), max_length=14, choices=State.choices, default=State.OPEN)
    opened_at = models.DateTimeField(_("Opened"))
    last_at = models.DateTimeField(_("Last finding"))
    ended_at = models.DateTimeField(_("Ended"), null=True)
    """End of what was found; None while it lasts."""
    findings_count = models.PositiveIntegerField(_("Findings"), default=0)
    escalation = models.PositiveSmallIntegerField(_("Escalation"), default=0)
    escalate_at = models.DateTimeField(_("Escalates at"), null=True)
    """When it climbs next; None once the authority has taken it over: the unit's own word does not stop it."""
    cause = models.CharField(_("Cause"), max_length=12, choices=Cause.choices, blank=True)
    handled_as = models.CharField(_("Handled as"), max_length=60, blank=True)
    """Number of the matter that carries the handling and its deadlines; empty while the alert is handled by itself."""
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="members", verbose_name=_("Merged into")
    )
    """The alert that carries this one, by a person's word; it still takes its own findings and is closed with the other."""
    synthetic = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-last_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("rule", "subject"),
                condition=~models.Q(state="closed"),
                name="one_open_alert_per_rule_and_subject",
            ),
        )
        indexes = (models.Index(fields=("state", "-last_at")),)
        verbose_name = _("Alert")

    def __str__(self) -> str:
        return f"{self.pk} {self.rule} {self.subject}"


class FindingRecord(models.Model):
    """A finding consumed from the log, newest statement by id."""

    id = models.CharField(primary_key=True, max_length=32)
    rule = models.CharField(_("Rule"), max_length=60, db_index=True)
    rule_version = models.CharField(max_length=20)
    subject = models.CharField(_("Subject"), max_length=80, db_index=True)
    subject_kind = models.CharField(max_length=10)
    point = models.ForeignKey(Point, models.PROTECT, null=True, related_name="findings")
    start = models.DateTimeField(_("From"), db_index=True)
    end = models.DateTimeField(_("To"), null=True)
    severity = models.CharField(_("Severity"), max_length=12, choices=SEVERITY_CHOICES)
    evidence = models.JSONField(_("Evidence"), default=dict)
    known_at = models.DateTimeField(null=True)
    alert = models.ForeignKey(Alert, models.PROTECT, null=True, related_name="findings")

    class Meta:
        ordering = ("-start",)
        indexes = (models.Index(fields=("alert",), condition=models.Q(end=None), name="findings_lasting"),)
        verbose_name = _("Finding")

    def __str__(self) -> str:
        return f"{self.rule} {self.subject} {self.start:%Y-%m-%d %H:%M}"


class AlertStep(models.Model):
    """Trail of an alert: who did what and why; only ever added."""

    alert = models.ForeignKey(Alert, models.PROTECT, related_name="steps")
    at = models.DateTimeField(_("Time"))
    action = models.CharField(_("Action"), max_length=20)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    note = models.CharField(_("Note"), max_length=500, blank=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.alert_id} {self.action}"


class Mark(models.Model):
    """Mark (标记) a person sets on a stretch of a series: an interval fact, superseded but never changed."""

    class Kind(models.TextChoices):
        MAINTENANCE = "maintenance", _("Maintenance")
        CALIBRATION = "calibration", _("Calibration")
        FAULT = "fault", _("Instrument fault")
        STOPPED = "stopped", _("Source stopped")
        INVALID = "invalid", _("Invalid")
        VALID = "valid", _("Valid after review")
        VERIFIED = "verified", _("Verified")
        RATIFIED = "ratified", _("Ratified")
        CONFIRMED = "confirmed", _("Confirmed by the holder")

    point = models.ForeignKey(Point, models.PROTECT, related_name="marks")
    series = models.JSONField(_("Series"))
    """Series codes the mark applies to."""
    start = models.DateTimeField(_("From"))
    end = models.DateTimeField(_("To (not included)"))
    kind = models.CharField(_("Mark"), max_length=12, choices=Kind.choices)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name=_("Author"))
    reason = models.CharField(_("Reason"), max_length=300)
    known_at = models.DateTimeField(_("Known at"))
    supersedes = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    withdrawn = models.BooleanField(default=False)
    """A superseding row with `withdrawn` takes the earlier mark back."""

    class Meta:
        ordering = ("-known_at", "-id")
        verbose_name = _("Mark")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.point} {self.start:%Y-%m-%d %H:%M}"


class Correction(TwoPersonDecision):
    """Correction (更正) of one value: proposed with a reason, decided by a second person, then a new revision.

    What was received stays as the revision before it.
    """

    series = models.ForeignKey(Series, models.PROTECT, related_name="corrections", verbose_name=_("Series"))
    statistic = models.CharField(_("Statistic"), max_length=10)
    start = models.DateTimeField(_("Period"))
    revision = models.PositiveIntegerField(_("Revision"))
    """The revision the author saw and wants replaced."""
    before = models.JSONField(_("Before"))
    """Numbers of that revision as decimal text, by name (value, min, max, total, converted)."""
    after = models.JSONField(_("After"))
    """Numbers that are to replace them; those not named stay."""
    reason = models.CharField(_("Reason"), max_length=300)
    stored = models.BooleanField(default=False)
    """The new revision was seen in the lake."""

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("series", "statistic", "start"),
                condition=models.Q(state="proposed"),
                name="one_proposed_correction_per_value",
            ),
        )
        indexes = (
            models.Index(
                fields=("id",),
                condition=models.Q(state="approved", stored=False),
                name="corrections_to_store",
            ),
        )
        verbose_name = _("Correction")

    def __str__(self) -> str:
        return f"{self.series.code} {self.statistic} {self.start:%Y-%m-%d %H:%M}"


class Clue(models.Model):
    """Clue (线索): findings about integrity that a person verifies or dismisses; dismissals feed the precision."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        CONFIRMED = "confirmed", _("Confirmed")
        DISMISSED = "dismissed", _("Dismissed")

    point = models.ForeignKey(Point, models.PROTECT, related_name="clues", verbose_name=_("Monitoring point"))
    kind = models.CharField(_("Kind"), max_length=40)
    rule = models.CharField(_("Rule"), max_length=60)
    start = models.DateTimeField(_("From"))
    end = models.DateTimeField(_("To"), null=True)
    score = models.FloatField(_("Score"))
    statement = models.TextField(_("Statement"))
    evidence = models.JSONField(default=dict)
    series = models.ForeignKey(
        Series, models.PROTECT, null=True, related_name="clues", verbose_name=_("Series")
    )
    statement_en = models.TextField(blank=True)
    confidence = models.CharField(_("Confidence"), max_length=8, default="normal")
    """`low` where there was too little history to measure with."""
    simulated = models.BooleanField(_("Simulated"), default=False)
    revision = models.PositiveIntegerField(default=1)
    """How often the machine's statement was revised; `version` counts what people did."""
    state = models.CharField(_("State"), max_length=10, choices=State.choices, default=State.OPEN)
    opened_at = models.DateTimeField(_("Opened"))
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(_("Reason"), max_length=300, blank=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-opened_at", "-id")
        indexes = (
            models.Index(fields=("rule", "kind", "state"), name="clue_rule_kind_state"),
            models.Index(fields=("-opened_at", "-id"), name="clue_opened"),
            models.Index(fields=("state", "-start", "-score", "point"), name="clue_newest"),
            # The funnel counts from this index alone: the rows themselves carry charts.
            models.Index(fields=("point", "start", "rule", "kind", "state", "simulated"), name="clue_counts"),
        )
        verbose_name = _("Clue")

    def __str__(self) -> str:
        return f"{self.kind} {self.point}"


class Heartbeat(models.Model):
    """One daily proof that alerting lives: the synthetic device spoke, fell silent, and an alert came."""

    sent_at = models.DateTimeField(_("Sent"))
    alert = models.ForeignKey(Alert, models.PROTECT, null=True)
    proved_at = models.DateTimeField(_("Proved"), null=True)
    failed = models.BooleanField(default=False)

    class Meta:
        ordering = ("-sent_at",)

    def __str__(self) -> str:
        return f"{self.sent_at:%Y-%m-%d %H:%M}"
