"""Integrity of data: what screening said, version by version, the rules it was judged by, and processes of people."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.integrity.self_proof import SELF_PROOF
from qingjian.apps.matters.models import Matter
from qingjian.apps.network.models import Series
from qingjian.apps.observing.models import Clue

PERSON = settings.AUTH_USER_MODEL


class ClueVerification(Matter):
    """A clue being verified (线索核实)."""

    process = VERIFICATION

    class Meta:
        proxy = True
        verbose_name = _("Clue verification")


class SelfProof(Matter):
    """A unit proving the truth of its own data (真实性自我举证)."""

    process = SELF_PROOF

    class Meta:
        proxy = True
        verbose_name = _("Self-proof")


class RuleSet(models.Model):
    """Settings by which findings become suspects and suspects become clues; versions are added, never changed."""

    version = models.PositiveIntegerField(_("Version"), unique=True)
    budget = models.FloatField(_("False alarms a station and month that can be checked"), default=1.0)
    month_share = models.FloatField(_("Share of honest months a monthly dossier may reach (%)"), default=2.0)
    least_days = models.PositiveSmallIntegerField(_("Shortest stretch that becomes a clue (days)"), default=1)
    kinds_off = models.JSONField(_("Kinds that do not become clues"), default=list)
    faults_as_clues = models.BooleanField(
        _("What looks like instrument trouble becomes a clue"), default=False
    )
    weak_as_clues = models.BooleanField(_("Findings with little history become clues"), default=True)
    precision_floor = models.FloatField(_("A rule below this precision is muted (%)"), default=20.0)
    least_closed = models.PositiveSmallIntegerField(_("Closed clues before a rule can be muted"), default=10)
    reason = models.CharField(_("Reason"), max_length=300)
    author = models.ForeignKey(PERSON, models.PROTECT, null=True, related_name="+", verbose_name=_("Author"))
    created_at = models.DateTimeField(_("Written"))
    activated_at = models.DateTimeField(_("Switched on"), null=True)
    activated_by = models.ForeignKey(
        PERSON, models.PROTECT, null=True, related_name="+", verbose_name=_("Switched on by")
    )
    activation_reason = models.CharField(_("Why it was switched on"), max_length=300, blank=True)

    SETTINGS = (
        "budget",
        "month_share",
        "least_days",
        "kinds_off",
        "faults_as_clues",
        "weak_as_clues",
        "precision_floor",
        "least_closed",
    )

    class Meta:
        ordering = ("-version",)
        verbose_name = _("Rule set")

    def __str__(self) -> str:
        return str(self.version)


class Trial(models.Model):
    """A rule set run over the stored scores of the past, beside the one in force; nothing comes of it but numbers."""

    rules = models.ForeignKey(RuleSet, models.PROTECT, related_name="trials")
    against = models.ForeignKey(RuleSet, models.PROTECT, related_name="+")
    first_day = models.DateField(_("From"))
    last_day = models.DateField(_("To"))
    result = models.JSONField(default=dict)
    author = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    at = models.DateTimeField(_("Time"))

    class Meta:
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.rules} / {self.against}"


class Mute(models.Model):
    """A rule and kind whose findings do not become clues; lifted by a person, never deleted.

    One that a person asks for holds once a second person agrees.
    """

    rule = models.CharField(_("Rule"), max_length=60)
    kind = models.CharField(_("Kind"), max_length=40)
    since = models.DateTimeField(_("Muted since"))
    author = models.ForeignKey(
        PERSON, models.PROTECT, null=True, related_name="+", verbose_name=_("Muted by")
    )
    """None: the precision fell below the floor."""
    reason = models.CharField(_("Reason"), max_length=300, blank=True)
    floor = models.FloatField(null=True)
    """The floor in per cent, where the precision fell below it."""
    confirmed = models.PositiveIntegerField(default=0)
    closed = models.PositiveIntegerField(default=0)
    """Clues confirmed and closed at that moment."""
    second = models.ForeignKey(
        PERSON, models.PROTECT, null=True, related_name="+", verbose_name=_("Agreed by")
    )
    agreed_at = models.DateTimeField(_("Agreed"), null=True)
    lifted_at = models.DateTimeField(_("Un-muted"), null=True)
    lifted_by = models.ForeignKey(PERSON, models.PROTECT, null=True, related_name="+")
    lift_reason = models.CharField(_("Why it was un-muted"), max_length=300, blank=True)
    lifted_closed = models.PositiveIntegerField(null=True)
    """Clues closed when it was un-muted: it is judged again by newer ones only."""
    lifted_kinds = models.JSONField(default=dict)
    """Clues closed of each kind of the rule at that moment: a rule un-muted as a whole is not muted kind by kind for them."""

    class Meta:
        ordering = ("-since",)
        constraints = (
            models.UniqueConstraint(
                fields=("rule", "kind"), condition=models.Q(lifted_at=None), name="one_mute_in_force"
            ),
        )

    def __str__(self) -> str:
        return f"{self.rule} {self.kind}"


class Suspect(models.Model):
    """A finding of screening above the budget, newest version; whether a person is asked is `outcome`."""

    class Outcome(models.TextChoices):
        CLUE = "clue", _("Became a clue")
        MUTED = "muted", _("Rule muted")
        KIND_OFF = "kind_off", _("Kind switched off")
        FAULT = "fault", _("Looks like instrument trouble")
        WEAK = "weak", _("Too little history")
        SHORT = "short", _("Too short")
        DECIDED = "decided", _("Its days are decided")

    series = models.ForeignKey(Series, models.PROTECT, related_name="suspects")
    rule = models.CharField(_("Rule"), max_length=60)
    kind = models.CharField(_("Kind"), max_length=40, blank=True)
    first_day = models.DateField(_("From"))
    last_day = models.DateField(_("To"))
    score = models.FloatField(_("Score"))
    fault_score = models.FloatField(default=0.0)
    confidence = models.CharField(_("Confidence"), max_length=8, default="normal")
    version = models.PositiveIntegerField(_("Version"), default=1)
    outcome = models.CharField(_("Outcome"), max_length=10, choices=Outcome.choices)
    withdrawn = models.BooleanField(default=False)
    """A later screening no longer finds it."""
    clue = models.ForeignKey(Clue, models.PROTECT, null=True, related_name="suspects")
    chart = models.JSONField(null=True)
    """Of a finding that joined a clue: its own chart. A finding that a clue was made of has it there."""
    found_at = models.DateTimeField(_("Found"))

    class Meta:
        ordering = ("-last_day", "series")
        indexes = (
            models.Index(fields=("series", "rule", "last_day"), name="suspect_series_rule"),
            # The funnel counts from this index alone.
            models.Index(
                fields=("series", "first_day", "rule", "kind", "outcome", "withdrawn"), name="suspect_counts"
            ),
        )
        verbose_name = _("Suspect")

    def __str__(self) -> str:
        return f"{self.series_id} {self.rule} {self.first_day}"


class SuspectVersion(models.Model):
    """What screening said of a suspect at a moment; rows are only ever added."""

    suspect = models.ForeignKey(Suspect, models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField(_("Version"))
    screened_until = models.DateField(_("Screened until"))
    known_at = models.DateTimeField(_("Known at"))
    rules = models.ForeignKey(RuleSet, models.PROTECT, related_name="+")
    withdrawn = models.BooleanField(default=False)
    record = models.JSONField(default=dict)
    """The finding as plain values, without the data of its chart."""

    class Meta:
        ordering = ("suspect", "version")
        constraints = (models.UniqueConstraint(fields=("suspect", "version"), name="suspect_version"),)

    def __str__(self) -> str:
        return f"{self.suspect_id}/{self.version}"


class ScoreMonth(models.Model):
    """Scores of one series and month as they are known now: what rule sets are tried on, and how much was screened."""

    series = models.ForeignKey(Series, models.PROTECT, related_name="score_months")
    month = models.DateField(_("Month"))
    """First day of the month."""
    scores = models.JSONField(default=list)
    """Score of each day of the month, null where there is none."""
    faults = models.JSONField(default=list)
    kinds = models.JSONField(default=list)
    measured = models.PositiveSmallIntegerField(default=1)
    """Factors screened in the panel: the budget is shared by them."""
    month_score = models.FloatField(null=True)
    month_kind = models.CharField(max_length=40, blank=True)
    lowered = models.BooleanField(default=False)
    """Too little own history: the scores are lowered."""
    values = models.PositiveIntegerField(_("Values screened"), default=0)
    known_at = models.DateTimeField()

    class Meta:
        ordering = ("series", "month")
        constraints = (models.UniqueConstraint(fields=("series", "month"), name="one_score_month"),)

    def __str__(self) -> str:
        return f"{self.series_id} {self.month}"
