"""Rows of the registry. Everything people change here goes through a proposal and an approval (maker-checker)."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import Organisation, Region, TwoPersonDecision
from qingjian.apps.network.kinds import KINDS, POINT_KIND_CHOICES
from qingjian.standards.errors import UnitError
from qingjian.standards.quantity import convert

PH = "w01001"
"""HJ 212 code of pH."""


class Dated(models.Model):
    """A fact that holds from a moment up to (not including) another."""

    valid_from = models.DateTimeField(_("From"), null=True, blank=True)
    valid_to = models.DateTimeField(_("To (not included)"), null=True, blank=True)

    class Meta:
        abstract = True


class Factor(models.Model):
    """Monitoring factor (监测因子) of a medium: one HJ 212 code can name different things in different media."""

    code = models.CharField(_("Factor"), max_length=40, unique=True)
    """`medium.code`, e.g. `air.a34004`."""
    medium = models.CharField(_("Medium"), max_length=20)
    wire_code = models.CharField(_("HJ 212 code"), max_length=20)
    name_zh = models.CharField(_("Chinese name"), max_length=60)
    name_en = models.CharField(_("English name"), max_length=60)
    unit = models.CharField(_("Unit"), max_length=20, blank=True)
    decimals = models.PositiveSmallIntegerField(_("Decimals"), default=2)

    class Meta:
        ordering = ("code",)
        verbose_name = _("Factor")

    def __str__(self) -> str:
        from django.utils.translation import get_language

        return self.name_en if (get_language() or "").startswith("en") else self.name_zh


class Source(models.Model):
    """Pollution source (排污单位): the head of one file per source (一企一档)."""

    class Management(models.TextChoices):
        KEY = "key", _("Key management")
        SIMPLE = "simple", _("Simplified management")
        REGISTERED = "registered", _("Registration only")

    code = models.CharField(_("Source code"), max_length=40, unique=True)
    name = models.CharField(_("Name"), max_length=120)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="sources", verbose_name=_("Organisation")
    )
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("Region"))
    industry = models.CharField(_("Industry"), max_length=80, blank=True)
    management = models.CharField(
        _("Permit management"), max_length=12, choices=Management.choices, default=Management.KEY
    )
    address = models.CharField(_("Address"), max_length=200, blank=True)
    longitude = models.FloatField(_("Longitude (CGCS2000)"), null=True, blank=True)
    latitude = models.FloatField(_("Latitude (CGCS2000)"), null=True, blank=True)
    converted_from = models.CharField(_("Coordinates converted from"), max_length=12, blank=True)
    contact = models.CharField(_("Contact"), max_length=80, blank=True)
    status = models.CharField(
        _("State"),
        max_length=12,
        choices=(("running", _("Running")), ("stopped", _("Stopped")), ("closed", _("Closed"))),
        default="running",
    )
    notice = models.CharField(_("Notice"), max_length=300, blank=True)

    class Meta:
        ordering = ("code",)
        verbose_name = _("Pollution source")

    def __str__(self) -> str:
        return self.name


class ListMembership(Dated):
    """A source on a dated list that creates duties (重点排污单位 and others)."""

    class List(models.TextChoices):
        KEY_AIR = "key_air", _("Key unit: air")
        KEY_WATER = "key_water", _("Key unit: water")
        KEY_SOIL = "key_soil", _("Key unit: soil")
        KEY_NOISE = "key_noise", _("Key unit: noise")
        KEY_RISK = "key_risk", _("Key unit: environmental risk")
        OUTFALL_OWNER = "outfall_owner", _("River-outfall owner")
        RADIOACTIVE_ORE = "radioactive_ore", _("Unit with associated radioactivity")
        HEAVY_METAL = "heavy_metal", _("Heavy-metal unit")

    source = models.ForeignKey(Source, models.PROTECT, related_name="memberships")
    name = models.CharField(_("List"), max_length=20, choices=List.choices)
    document = models.CharField(_("Document"), max_length=200, blank=True)

    class Meta:
        ordering = ("source", "name", "valid_from")
        verbose_name = _("List membership")

    def __str__(self) -> str:
        return f"{self.source} · {self.get_name_display()}"


class Permit(Dated):
    """Pollutant-discharge permit (排污许可证) of a source."""

    source = models.ForeignKey(Source, models.PROTECT, related_name="permits")
    number = models.CharField(_("Permit number"), max_length=40, unique=True)
    issuer = models.CharField(_("Issued by"), max_length=120, blank=True)
    self_monitoring = models.TextField(_("Self-monitoring duties"), blank=True)

    class Meta:
        ordering = ("number",)
        verbose_name = _("Permit")

    def __str__(self) -> str:
        return self.number


class Outlet(models.Model):
    """Outlet (排口) of a source."""

    source = models.ForeignKey(
        Source, models.PROTECT, related_name="outlets", verbose_name=_("Pollution source")
    )
    code = models.CharField(_("Outlet code"), max_length=40, unique=True)
    name = models.CharField(_("Name"), max_length=120)
    medium = models.CharField(
        _("Medium"), max_length=8, choices=(("gas", _("Exhaust gas")), ("water", _("Waste water")))
    )
    height_m = models.FloatField(_("Stack height (m)"), null=True, blank=True)
    receiving_water = models.CharField(_("Receiving water"), max_length=80, blank=True)

    class Meta:
        ordering = ("code",)
        verbose_name = _("Outlet")

    def __str__(self) -> str:
        return f"{self.source.name} {self.name}"


class PermitLimit(Dated):
    """Limit or yearly amount of a factor at an outlet, from the permit or the standard it names."""

    outlet = models.ForeignKey(Outlet, models.PROTECT, related_name="limits", verbose_name=_("Outlet"))
    permit = models.ForeignKey(
        Permit, models.PROTECT, null=True, blank=True, related_name="limits", verbose_name=_("Permit")
    )
    factor = models.ForeignKey(Factor, models.PROTECT, verbose_name=_("Factor"))
    averaging = models.CharField(
        _("Averaging period"),
        max_length=8,
        choices=(("hour", _("Hour")), ("day", _("Day")), ("month", _("Month")), ("year", _("Year"))),
        default="hour",
    )
    upper = models.DecimalField(_("Upper limit"), max_digits=14, decimal_places=4, null=True, blank=True)
    lower = models.DecimalField(_("Lower limit"), max_digits=14, decimal_places=4, null=True, blank=True)
    yearly_amount_t = models.DecimalField(
        _("Yearly amount (t)"), max_digits=14, decimal_places=4, null=True, blank=True
    )
    unit = models.CharField(_("Unit"), max_length=20)
    converted = models.BooleanField(_("Applies to the converted value"), default=False)
    basis = models.CharField(_("Basis"), max_length=200, blank=True)

    class Meta:
        ordering = ("outlet", "factor", "averaging")
        verbose_name = _("Permit limit")

    def __str__(self) -> str:
        return f"{self.outlet} {self.factor} ≤ {self.upper} {self.unit}"

    def sides(self, unit: str) -> tuple[Decimal | None, Decimal | None] | None:
        """Return upper and lower limit in the unit of a series; None where the limit cannot be expressed in it.

        pH has no unit: whatever a permit writes beside it, its numbers are the limit.
        """
        if self.factor.wire_code == PH:
            return self.upper, self.lower
        try:
            upper, lower = (
                None if side is None else convert(side, self.unit, unit) for side in (self.upper, self.lower)
            )
        except UnitError:
            return None
        return upper, lower


class TreatmentFacility(Dated):
    """Production or treatment facility (治理设施) of a source."""

    source = models.ForeignKey(Source, models.PROTECT, related_name="facilities")
    outlet = models.ForeignKey(
        Outlet, models.PROTECT, null=True, blank=True, related_name="facilities", verbose_name=_("Outlet")
    )
    code = models.CharField(_("Facility code"), max_length=40, unique=True)
    name = models.CharField(_("Name"), max_length=120)
    kind = models.CharField(
        _("Kind"), max_length=12, choices=(("production", _("Production")), ("treatment", _("Treatment")))
    )
    process = models.CharField(_("Process"), max_length=200, blank=True)

    class Meta:
        ordering = ("code",)
        verbose_name = _("Facility")

    def __str__(self) -> str:
        return self.name


class Point(Dated):
    """Monitoring point (监测点位) of any kind."""

    class Level(models.TextChoices):
        NATIONAL = "national", _("National")
        PROVINCE = "province", _("Province")
        CITY = "city", _("City")
        COUNTY = "county", _("County")
        TOWNSHIP = "township", _("Township")
        ENTERPRISE = "enterprise", _("Enterprise")

    code = models.CharField(_("Point code"), max_length=40, unique=True)
    name = models.CharField(_("Name"), max_length=120)
    kind = models.CharField(_("Kind"), max_length=24, choices=POINT_KIND_CHOICES)
    level = models.CharField(_("Level"), max_length=12, choices=Level.choices)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("Region"))
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="points", verbose_name=_("Owner")
    )
    outlet = models.ForeignKey(
        Outlet, models.PROTECT, null=True, blank=True, related_name="points", verbose_name=_("Outlet")
    )
    longitude = models.FloatField(_("Longitude (CGCS2000)"), null=True, blank=True)
    latitude = models.FloatField(_("Latitude (CGCS2000)"), null=True, blank=True)
    converted_from = models.CharField(_("Coordinates converted from"), max_length=12, blank=True)
    status = models.CharField(
        _("State"),
        max_length=12,
        choices=(
            ("planned", _("Planned")),
            ("running", _("Running")),
            ("stopped", _("Stopped")),
            ("removed", _("Removed")),
        ),
        default="running",
    )
    attributes = models.JSONField(_("Further attributes"), default=dict, blank=True)
    """Kind-specific facts, e.g. {"river": …, "target_class": "Ⅲ", "noise_zone": "2"}."""
    notice = models.CharField(_("Notice"), max_length=1000, blank=True)
    """Says whether data are replayed or simulated, with the original place and time."""

    class Meta:
        ordering = ("code",)
        indexes = (models.Index(fields=("kind",)),)
        verbose_name = _("Monitoring point")

    def __str__(self) -> str:
        return self.name

    @property
    def element(self) -> str:
        return KINDS[self.kind].element

    @property
    def icon(self) -> str:
        return KINDS[self.kind].icon


class Duty(Dated):
    """Who monitors, assesses, protects or maintains a point (事权)."""

    class Kind(models.TextChoices):
        MONITOR = "monitor", _("Monitors")
        ASSESS = "assess", _("Assesses")
        PROTECT = "protect", _("Protects")
        MAINTAIN = "maintain", _("Maintains")

    point = models.ForeignKey(
        Point, models.PROTECT, related_name="duties", verbose_name=_("Monitoring point")
    )
    kind = models.CharField(_("Duty"), max_length=10, choices=Kind.choices)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="duties", verbose_name=_("Organisation")
    )
    document = models.CharField(_("Document"), max_length=200, blank=True)

    class Meta:
        ordering = ("point", "kind")
        verbose_name = _("Duty")

    def __str__(self) -> str:
        return f"{self.point} · {self.get_kind_display()} · {self.organisation}"


class Device(Dated):
    """Data logger (数采仪) that speaks to the gateway; it has an MN."""

    code = models.CharField(_("Device code"), max_length=40, unique=True)
    mn = models.CharField(_("MN"), max_length=40, db_index=True)
    password = models.CharField(_("Access password (PW)"), max_length=40)
    name = models.CharField(_("Name"), max_length=120)
    point = models.ForeignKey(
        Point, models.PROTECT, related_name="devices", verbose_name=_("Monitoring point")
    )
    system_code = models.CharField(_("System code (ST)"), max_length=2)
    edition = models.CharField(
        _("HJ 212 edition"),
        max_length=6,
        choices=(("auto", _("Recognise")), ("2005", "2005"), ("2017", "2017"), ("2025", "2025")),
        default="auto",
    )
    policy = models.JSONField(_("Decoding policy"), default=dict, blank=True)
    sm4_key_hex = models.CharField(_("SM4 key"), max_length=32, blank=True)
    addresses = models.JSONField(_("Allowed addresses"), default=list, blank=True)
    silence_seconds = models.PositiveIntegerField(_("Silent after (s)"), default=3600)
    clock_tolerance_seconds = models.PositiveIntegerField(_("Clock tolerance (s)"), default=300)
    synthetic = models.BooleanField(_("Synthetic device"), default=False)

    class Meta:
        ordering = ("code",)
        verbose_name = _("Device")

    def __str__(self) -> str:
        return f"{self.name} ({self.mn})"


class Instrument(Dated):
    """Instrument (仪器) at a point."""

    code = models.CharField(_("Instrument code"), max_length=40, unique=True)
    point = models.ForeignKey(
        Point, models.PROTECT, related_name="instruments", verbose_name=_("Monitoring point")
    )
    name = models.CharField(_("Name"), max_length=120)
    manufacturer = models.CharField(_("Manufacturer"), max_length=120, blank=True)
    model = models.CharField(_("Model"), max_length=80, blank=True)
    serial_number = models.CharField(_("Serial number"), max_length=80, blank=True)
    factors = models.CharField(_("Factors"), max_length=200, blank=True)
    method = models.CharField(_("Method"), max_length=200, blank=True)
    certificate = models.CharField(_("Conformity certificate"), max_length=80, blank=True)
    verified_until = models.DateField(_("Verified until"), null=True, blank=True)

    class Meta:
        ordering = ("code",)
        verbose_name = _("Instrument")

    def __str__(self) -> str:
        return self.name


def of_device_or_instrument(name: str) -> models.CheckConstraint:
    """Return the constraint that a row names either a device or an instrument."""
    return models.CheckConstraint(
        condition=models.Q(device__isnull=False, instrument__isnull=True)
        | models.Q(device__isnull=True, instrument__isnull=False),
        name=name,
    )


class Software(Dated):
    """Software registered for a device or an instrument (软件备案): the version and the hash it must have."""

    device = models.ForeignKey(
        Device, models.PROTECT, null=True, blank=True, related_name="software", verbose_name=_("Device")
    )
    instrument = models.ForeignKey(
        Instrument,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="software",
        verbose_name=_("Instrument"),
    )
    version = models.CharField(_("Software version"), max_length=60)
    digest = models.CharField(_("Hash"), max_length=128)
    """Hexadecimal, small letters; which function made it is for the document to say."""
    document = models.CharField(_("Document"), max_length=200, blank=True)

    class Meta:
        ordering = ("device", "instrument", "valid_from")
        constraints = (of_device_or_instrument("software_of_one_subject"),)
        verbose_name = _("Registered software")

    def __str__(self) -> str:
        return f"{self.device or self.instrument} {self.version}"


class Series(Dated):
    """Series = (point, factor, origin, position). The primary key is the lake's integer and is never reused."""

    class Origin(models.TextChoices):
        DEVICE = "device", _("Device")
        PLATFORM = "platform", _("Platform")
        MANUAL = "manual", _("Manual")
        LABORATORY = "laboratory", _("Laboratory")
        UPSTREAM = "upstream", _("Upper platform")
        SUBSTITUTE = "substitute", _("Substitute")
        SIMULATED = "simulated", _("Simulated")

    code = models.CharField(_("Series code"), max_length=80, unique=True)
    point = models.ForeignKey(
        Point, models.PROTECT, related_name="series", verbose_name=_("Monitoring point")
    )
    factor = models.ForeignKey(Factor, models.PROTECT, verbose_name=_("Factor"))
    origin = models.CharField(_("Origin"), max_length=12, choices=Origin.choices, default=Origin.DEVICE)
    position = models.PositiveSmallIntegerField(_("Position"), default=1)
    device = models.ForeignKey(
        Device, models.PROTECT, null=True, blank=True, related_name="series", verbose_name=_("Device")
    )
    unit = models.CharField(_("Unit"), max_length=20)
    decimals = models.PositiveSmallIntegerField(_("Decimals"), default=2)
    medium = models.CharField(_("Medium"), max_length=20)
    averaging = models.CharField(_("Averaging"), max_length=16, default="arithmetic")
    flow_series = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Flow series")
    )
    expected = models.JSONField(_("Expected periods"), default=dict, blank=True)
    notice = models.CharField(_("Notice"), max_length=1000, blank=True)

    class Meta:
        ordering = ("code",)
        constraints = (
            models.UniqueConstraint(
                fields=("point", "factor", "origin", "position"), name="one_series_per_place"
            ),
        )
        verbose_name = _("Series")

    def __str__(self) -> str:
        return f"{self.point} · {self.factor}"


class Route(Dated):
    """Which series a factor code on the wire of a device means."""

    device = models.ForeignKey(Device, models.PROTECT, related_name="routes", verbose_name=_("Device"))
    wire_factor = models.CharField(_("Code on the wire"), max_length=40)
    series = models.ForeignKey(Series, models.PROTECT, related_name="routes", verbose_name=_("Series"))
    scale = models.CharField(_("Scale"), max_length=20, default="1")

    class Meta:
        ordering = ("device", "wire_factor", "valid_from")
        verbose_name = _("Factor route")

    def __str__(self) -> str:
        return f"{self.device} {self.wire_factor} → {self.series}"


class Setting(Dated):
    """Effective-dated fact beside a series or device (量程, 斜率, 截距, 基准含氧量, 采样周期 …)."""

    series = models.ForeignKey(
        Series, models.PROTECT, null=True, blank=True, related_name="settings", verbose_name=_("Series")
    )
    device = models.ForeignKey(
        Device, models.PROTECT, null=True, blank=True, related_name="settings", verbose_name=_("Device")
    )
    name = models.CharField(_("Setting"), max_length=40)
    value = models.CharField(_("Value"), max_length=80)
    unit = models.CharField(_("Unit"), max_length=20, blank=True)
    origin = models.CharField(
        _("Known from"),
        max_length=12,
        choices=(("register", _("Register")), ("device", _("Device"))),
        default="register",
    )

    class Meta:
        ordering = ("name", "valid_from")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(series__isnull=False, device__isnull=True)
                | models.Q(series__isnull=True, device__isnull=False),
                name="setting_of_one_subject",
            ),
        )
        verbose_name = _("Setting")

    def __str__(self) -> str:
        return f"{self.series or self.device} {self.name} = {self.value} {self.unit}"


EVERY_DEVICE = "*"
"""Entry of a target that gets the frames of every device."""
REGION = "region:"
"""Begins an entry of a target that stands for every device of a region and of those below it."""


class ForwardTarget(models.Model):
    """Upper platform (上级平台) that frames are forwarded to."""

    code = models.CharField(_("Target code"), max_length=40, unique=True)
    name = models.CharField(_("Name"), max_length=120)
    host = models.CharField(_("Host"), max_length=120)
    port = models.PositiveIntegerField(_("Port"))
    devices = models.JSONField(_("Devices (MN, region:code, or *)"), default=list)
    mn = models.JSONField(_("Own MN → MN there"), default=dict, blank=True)
    password = models.CharField(_("Access password (PW)"), max_length=40, blank=True)
    enabled = models.BooleanField(_("Enabled"), default=True)

    class Meta:
        ordering = ("code",)
        verbose_name = _("Forwarding target")

    def __str__(self) -> str:
        return self.name


class ChangeRequest(TwoPersonDecision):
    """A proposed change of the registry, decided by a second person (maker-checker)."""

    reason = models.CharField(_("Reason"), max_length=300)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("Region"))
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, verbose_name=_("Organisation")
    )
    places = models.JSONField(default=list)
    """Codes of all regions its rows touch, `*` for the whole node: who decides has a right at each."""

    class Meta:
        ordering = ("-id",)
        verbose_name = _("Change request")

    def __str__(self) -> str:
        return f"{self.pk} {self.reason}"


class ChangeLine(models.Model):
    """One row that a change request adds or changes."""

    request = models.ForeignKey(ChangeRequest, models.CASCADE, related_name="lines")
    kind = models.CharField(_("Kind"), max_length=24)
    """Name of the registered model, e.g. `point`."""
    key = models.CharField(_("Code"), max_length=255)
    before = models.JSONField(_("Before"), null=True)
    after = models.JSONField(_("After"))

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Version(models.Model):
    """History of a registry row: what it said from when, by which change."""

    kind = models.CharField(max_length=24)
    key = models.CharField(max_length=255)
    recorded_at = models.DateTimeField()
    fields = models.JSONField()
    change = models.ForeignKey(ChangeRequest, models.PROTECT, null=True, related_name="versions")

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("kind", "key")),)

    def __str__(self) -> str:
        return f"{self.kind} {self.key} {self.recorded_at:%Y-%m-%d}"
