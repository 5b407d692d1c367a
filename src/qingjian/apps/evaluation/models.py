"""Results of evaluation, versioned like observations, and the exceedances made from them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import Region, TwoPersonDecision
from qingjian.apps.network.models import PermitLimit, Point, Series


class Evaluation(models.Model):
    """What a standard says of one point (or one region) and one period.

    A row is never changed except for `superseded_at`, which is set when a later revision takes its place: other
    inputs, other marks or other rules make a new revision, and the old one stays readable.
    """

    class Kind(models.TextChoices):
        AIR_HOUR = "air_hour", _("Air, hour")
        AIR_DAY = "air_day", _("Air, day")
        WATER_DAY = "water_station_day", _("Surface water, day")
        WATER_MONTH = "water_month", _("Surface water, month")
        WATER_SAMPLE = "water_sample", _("Surface water, sample")
        LAKE_MONTH = "lake_month", _("Trophic state of a lake, month")
        BLACK_ODOROUS = "black_odorous", _("Black-odorous water, sample")
        GROUNDWATER = "groundwater", _("Groundwater, sample")
        DRINKING = "drinking", _("Drinking-water source, sample")
        SOIL = "soil", _("Soil, sample")
        NOISE_DAY = "noise_day", _("Noise station, day")
        NOISE_SURVEY = "noise_survey", _("Noise measured by hand")
        NOISE_AREA_YEAR = "noise_area_year", _("Noise of an area, year")
        NOISE_ROAD_YEAR = "noise_road_year", _("Noise of roads, year")
        RADIATION_DAY = "radiation_day", _("Dose rate, day")
        ECOLOGY_YEAR = "ecology_year", _("Ecological quality, year")
        OUTLET_HOUR = "outlet_hour", _("Outlet, hour")
        OUTLET_DAY = "outlet_day", _("Outlet, day")
        OUTLET_MONTH = "outlet_month", _("Outlet, month")
        OUTLET_YEAR = "outlet_year", _("Outlet, year")
        OUTLET_SAMPLE = "outlet_sample", _("Outlet, sample")

    kind = models.CharField(_("Kind"), max_length=18, choices=Kind.choices)
    point = models.ForeignKey(
        Point, models.PROTECT, null=True, related_name="evaluations", verbose_name=_("Monitoring point")
    )
    """None for results of a region as a whole."""
    region = models.ForeignKey(Region, models.PROTECT, related_name="+", verbose_name=_("Region"))
    start = models.DateTimeField(_("Period"))
    edition = models.CharField(_("Edition"), max_length=40, blank=True)
    basis = models.CharField(_("Basis"), max_length=80, blank=True)
    """Empty when the edition follows the date of the data, else the basis asked for."""
    values = models.JSONField(default=dict)
    """Inputs: {"used": {item: value}, "rejected": {item: {"value", "zh", "en"}}, counts by item}."""
    aqi = models.SmallIntegerField("AQI", null=True)
    publishable = models.BooleanField(default=True)
    """False where HJ 633-2026 asks to publish NA; `aqi` then is what the rest of the items give."""
    category = models.CharField(_("Category"), max_length=12, blank=True)
    primary = models.CharField(_("Primary pollutant"), max_length=60, blank=True)
    water_class = models.CharField(_("Class"), max_length=4, blank=True)
    target = models.CharField(_("Target class"), max_length=4, blank=True)
    reached = models.BooleanField(_("Target reached"), null=True)
    main_items = models.CharField(_("Main items"), max_length=120, blank=True)
    exceeds = models.BooleanField(_("Exceeds"), null=True)
    multiple = models.FloatField(_("Times above the limit"), null=True)
    result = models.JSONField(default=dict)
    """Further results: sub-indices, items with their class, limits and multiples, amounts in kg."""
    confidence = models.CharField(_("Confidence"), max_length=1)
    trace = models.JSONField(null=True)
    """None for results of the back history: it is worked out again from `values` when somebody asks why."""
    rulebook = models.CharField(max_length=16)
    """Version of the rulebook snapshot the result was worked out with."""
    inputs_known_at = models.DateTimeField()
    """Data known up to this moment were used."""
    inputs_digest = models.CharField(max_length=16)
    rule_change = models.ForeignKey(
        "RuleChange", models.PROTECT, null=True, related_name="evaluations", verbose_name=_("Rule change")
    )
    """The change of the rulebook that made this revision; None for results that followed from data or marks."""
    known_at = models.DateTimeField(_("Known at"))
    revision = models.PositiveIntegerField(_("Revision"), default=0)
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-start", "-revision")
        constraints = (
            models.UniqueConstraint(
                fields=("point", "kind", "start", "revision"),
                condition=models.Q(point__isnull=False),
                name="one_evaluation_of_a_point",
            ),
            models.UniqueConstraint(
                fields=("region", "kind", "start", "revision"),
                condition=models.Q(point__isnull=True),
                name="one_evaluation_of_a_region",
            ),
        )
        indexes = (
            models.Index(
                fields=("kind", "start"),
                condition=models.Q(superseded_at__isnull=True),
                name="evaluation_current",
            ),
        )
        verbose_name = _("Evaluation")

    @property
    def published_aqi(self) -> int | None:
        """The index of air as it is published: None also where HJ 633-2026 asks for NA."""
        return self.aqi if self.publishable else None

    @property
    def published_category(self) -> str:
        """The category of air as it is published: none where the index is NA, such a day is neither good nor bad."""
        return self.category if self.publishable else ""

    @property
    def published_primary(self) -> str:
        """The primary pollutants of air as they are published, separated by commas."""
        return self.primary if self.publishable else ""

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.point or self.region} {self.start:%Y-%m-%d %H:%M} r{self.revision}"

    @property
    def hour_end(self) -> datetime:
        """End of an hour: the age of an hourly result counts from here."""
        return self.start + timedelta(hours=1)


class Exceedance(models.Model):
    """A run of exceeding periods of one series against one limit; follows from the current evaluations."""

    series = models.ForeignKey(Series, models.PROTECT, related_name="exceedances", verbose_name=_("Series"))
    point = models.ForeignKey(
        Point, models.PROTECT, related_name="exceedances", verbose_name=_("Monitoring point")
    )
    limit = models.ForeignKey(
        PermitLimit, models.PROTECT, null=True, related_name="+", verbose_name=_("Permit limit")
    )
    """None when a standard is stricter than the permit and decides."""
    rule = models.CharField(max_length=60, blank=True)
    """Row of the rulebook that decides when it is no permit limit."""
    held_against = models.CharField(_("Limit"), max_length=300, blank=True)
    """The deciding limit as text, with its document where it is not the permit alone."""
    averaging = models.CharField(
        _("Averaging period"),
        max_length=8,
        choices=(
            ("hour", _("Hour")),
            ("day", _("Day")),
            ("month", _("Month")),
            ("year", _("Year")),
            ("sample", _("Sample")),
        ),
    )
    start = models.DateTimeField(_("From"))
    end = models.DateTimeField(_("To (not included)"))
    periods = models.PositiveIntegerField(_("Periods"))
    peak = models.FloatField(_("Highest value"))
    multiple = models.FloatField(_("Times above the limit"), null=True)
    running = models.BooleanField(_("Running"), default=False)
    marked = models.BooleanField(_("Marked"), default=False)
    """Every period of the run carries a mark that takes it out of the judgement."""
    reason_zh = models.CharField(max_length=200, blank=True)
    reason_en = models.CharField(max_length=200, blank=True)
    evaluation = models.ForeignKey(Evaluation, models.PROTECT, related_name="+")
    """The evaluation of the worst period: it answers why."""
    finding = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering = ("-start", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("series", "limit", "rule", "averaging", "start", "marked"),
                name="one_exceedance_per_start",
            ),
        )
        verbose_name = _("Exceedance")

    def __str__(self) -> str:
        return f"{self.series} {self.start:%Y-%m-%d %H:%M} × {self.periods}"


class RuleChange(models.Model):
    """The rulebook or the registry changed: what it was, what changed, and what was evaluated again because of it."""

    class Source(models.TextChoices):
        RULES = "rules", _("Rules")
        REGISTRY = "registry", _("Registry")
        PROGRAM = "program", _("Program")

    source = models.CharField(_("Changed in"), max_length=8, choices=Source.choices, default=Source.RULES)
    point = models.ForeignKey(
        Point, models.PROTECT, null=True, related_name="+", verbose_name=_("Monitoring point")
    )
    """The point whose permit limits or attributes changed; None for rulebook and program, which concern everybody."""
    version = models.CharField(_("Rulebook"), max_length=16)
    at = models.DateTimeField(_("Known at"))
    snapshot = models.BinaryField()
    """The whole rulebook as compressed JSON, to compare the next one with; empty for registry and program."""
    rows = models.JSONField(default=list)
    """What changed: {"id", "citation", "change": added | removed | changed, "before", "after", "from", "to"}."""
    todo = models.JSONField(default=list)
    """What is still to be evaluated again: {"element", "first", "last", "points" where not all}, newest days first."""
    done = models.JSONField(default=list)
    """What was evaluated again, and how many results are new: {"element", "first", "last", "results"}."""

    class Meta:
        ordering = ("-id",)
        verbose_name = _("Rule change")

    def __str__(self) -> str:
        return f"{self.version} {self.at:%Y-%m-%d %H:%M}"


class EnteredFile(models.Model):
    """A file of measurements that a person handed over; what became of it stands beside the kept file."""

    digest = models.CharField(_("Digest"), max_length=64)
    attempt = models.PositiveSmallIntegerField(default=1)
    """The same file handed over again, after more of it could be read, is a further attempt with its own row."""
    name = models.CharField(_("File"), max_length=200)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, verbose_name=_("By"))
    """None for whoever runs the program on the machine itself."""
    at = models.DateTimeField(_("Handed over at"))
    statistic = models.CharField(max_length=10)
    rows = models.PositiveIntegerField(_("Rows"))
    left_out = models.PositiveIntegerField(_("Rows left out"), default=0)
    series = models.JSONField(default=list)
    """Codes of the series the file writes to; who may not see all of them may not see the file."""
    options = models.JSONField(default=dict)
    """How the file was to be understood: origin, point, end of the period; empty in rows of earlier programs."""

    class Meta:
        ordering = ("-at", "-id")
        constraints = (
            models.UniqueConstraint(fields=("digest", "attempt"), name="one_row_per_attempt_at_a_file"),
        )
        verbose_name = _("File of measurements")

    def __str__(self) -> str:
        return self.name

    @property
    def identifier(self) -> str:
        """Name in the records: the digest, and of a later attempt its number."""
        return self.digest if self.attempt == 1 else f"{self.digest}#{self.attempt}"


class TrendWarning(models.Model):
    """A warning before a limit is reached, and whether it was right."""

    class Outcome(models.TextChoices):
        RUNNING = "running", _("Going on")
        REACHED = "reached", _("Limit passed afterwards")
        PASSED = "passed", _("Fell back, limit kept")
        UNKNOWN = "unknown", _("No valid data afterwards")
        WITHDRAWN = "withdrawn", _("Withdrawn: data or marks changed")

    series = models.ForeignKey(
        Series, models.PROTECT, related_name="trend_warnings", verbose_name=_("Series")
    )
    point = models.ForeignKey(
        Point, models.PROTECT, related_name="trend_warnings", verbose_name=_("Monitoring point")
    )
    limit = models.ForeignKey(PermitLimit, models.PROTECT, null=True, related_name="+")
    rule = models.CharField(max_length=60, blank=True)
    held_against = models.CharField(_("Limit"), max_length=300)
    averaging = models.CharField(
        _("Averaging period"), max_length=8, choices=(("hour", _("Hour")), ("day", _("Day")))
    )
    start = models.DateTimeField(_("Warned at"))
    """The period whose value completed the warning."""
    end = models.DateTimeField(_("To (not included)"))
    value = models.FloatField(_("Value"))
    share = models.FloatField(_("Share of the limit (%)"))
    """The highest share while it went on."""
    slope = models.FloatField(_("Rise per period"))
    expected_at = models.DateTimeField(_("Limit expected at"))
    outcome = models.CharField(_("Outcome"), max_length=10, choices=Outcome.choices, default=Outcome.RUNNING)
    trace = models.JSONField()
    finding = models.CharField(max_length=32)

    class Meta:
        ordering = ("-start", "-id")
        constraints = (
            models.UniqueConstraint(fields=("series", "averaging", "start"), name="one_warning_per_start"),
        )
        indexes = (models.Index(fields=("point", "averaging", "start"), name="trend_warning_recent"),)
        verbose_name = _("Trend warning")

    def __str__(self) -> str:
        return f"{self.series} {self.start:%Y-%m-%d %H:%M}"


class AirEvent(TwoPersonDecision):
    """Days of sand dust or of another approved exception in a region; a second person decides (maker-checker).

    Nothing is deleted: statistics are shown with and without the days. What the decision changed is kept with it.
    """

    class Kind(models.TextChoices):
        SAND_DUST = "sand_dust", _("Sand dust")
        EXCEPTION = "exception_event", _("Exception event")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("Waiting for approval")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        REVOKED = "revoked", _("Revoked")

    kind = models.CharField(_("Kind"), max_length=16, choices=Kind.choices)
    region = models.ForeignKey(Region, models.PROTECT, related_name="+", verbose_name=_("Region"))
    first = models.DateField(_("Event begins on"))
    last = models.DateField(_("Event ends on"))
    pollutants = models.JSONField(_("Pollutants"), default=list)
    """Empty: those the rule names."""
    approval = models.CharField(_("Approving document"), max_length=200)
    reason = models.TextField(_("What happened"), max_length=1000)
    evidence_digest = models.CharField(_("Digest"), max_length=64)
    evidence_name = models.CharField(_("Evidence"), max_length=200)
    state = models.CharField(_("State"), max_length=10, choices=State.choices, default=State.PROPOSED)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("Revoked by")
    )
    revoked_at = models.DateTimeField(_("Revoked at"), null=True)
    revocation = models.CharField(_("Why revoked"), max_length=300, blank=True)
    effect = models.JSONField(default=list)
    """Figures of each year it touches before and after, as they were when it was approved."""

    class Meta:
        ordering = ("-first", "-id")
        indexes = (models.Index(fields=("region", "state", "first"), name="air_event_of_region"),)
        verbose_name = _("Air event")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.region} {self.first}–{self.last}"

    @property
    def years(self) -> list[int]:
        """The years it touches: two where it goes on over New Year."""
        return list(range(self.first.year, self.last.year + 1))


class Progress(models.Model):
    """How far evaluation has come for one element."""

    name = models.CharField(max_length=20, unique=True)
    known_until = models.DateTimeField(null=True)
    """What became known up to this moment in the lake has been evaluated, as far back as `back_until`."""
    marks_until = models.BigIntegerField(default=0)
    """Highest mark taken into account."""
    limits_until = models.BigIntegerField(default=0)
    """Highest version of the registry taken into account, in the row `registry`; that of the calculation in `program`."""
    back_until = models.DateTimeField(null=True)
    """The back history is evaluated from here on; None before the first run."""
    complete = models.BooleanField(default=False)
    """The back history is evaluated as far back as there are data."""

    def __str__(self) -> str:
        return f"{self.name} {self.known_until}"


class Failure(models.Model):
    """A part of the evaluation that an error stopped: what people see of it, and what is tried again until it passes."""

    class Step(models.TextChoices):
        EVALUATE = "evaluate", _("Evaluating days")
        AFTER = "after", _("Warnings and exceedances")
        FOLLOW = "follow", _("Following what came in")
        HISTORY = "history", _("Back history")
        CHANGES = "changes", _("Following changed rules")
        RENEW = "renew", _("The last days again")
        RETRY = "retry", _("Trying again")

    element = models.CharField(_("Element"), max_length=20)
    """An element, or what is watched for changes: rules, registry, program."""
    step = models.CharField(_("Step"), max_length=8, choices=Step.choices)
    point = models.ForeignKey(
        Point, models.CASCADE, null=True, related_name="+", verbose_name=_("Monitoring point")
    )
    """None where no single point is to blame."""
    first = models.DateField(_("First day"), null=True)
    last = models.DateField(_("Last day"), null=True)
    """The days concerned; None for a step that is not one of days."""
    error = models.CharField(_("Error"), max_length=500)
    first_at = models.DateTimeField(_("Since"))
    at = models.DateTimeField(_("Last tried"))
    attempts = models.PositiveIntegerField(_("Attempts"), default=1)

    class Meta:
        ordering = ("-at", "pk")
        verbose_name = _("Failed evaluation")

    def __str__(self) -> str:
        return " ".join(str(one) for one in (self.element, self.point, self.first) if one)
