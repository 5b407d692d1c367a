"""Log books (台账) of devices and plants: who was on a device from afar, what software was found, what was used up.

Entries are only ever added, with who entered them and when; a wrong one is struck out with a reason and stays readable.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from qingjian.apps.network.models import Device, Instrument, Outlet, Point, Software, of_device_or_instrument
from qingjian.apps.network.registered import Kind

PERSON = settings.AUTH_USER_MODEL


class Filing(models.Model):
    """Entries of one log book that one person entered at once, by form or by file."""

    book = models.CharField(_("Log book"), max_length=20)
    author = models.ForeignKey(PERSON, models.PROTECT, related_name="+", verbose_name=_("Entered by"))
    at = models.DateTimeField(_("Entered"))
    file_name = models.CharField(_("File"), max_length=200, blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.book} {self.at:%Y-%m-%d %H:%M}"


class Entry(models.Model):
    """What every entry of a log book carries beside its own fields."""

    filing = models.ForeignKey(Filing, models.PROTECT, related_name="%(class)s_rows")
    simulated = models.BooleanField(_("Simulated"), default=False)
    struck_at = models.DateTimeField(_("Struck out"), null=True)
    struck_by = models.ForeignKey(PERSON, models.PROTECT, null=True, related_name="+")
    struck_reason = models.CharField(_("Reason"), max_length=300, blank=True)

    class Meta:
        abstract = True


class RemoteSession(Entry):
    """A remote session on a device (远程访问), from its own access log or that of the network in front of it."""

    device = models.ForeignKey(Device, models.PROTECT, related_name="sessions", verbose_name=_("Device"))
    start = models.DateTimeField(_("Began"))
    end = models.DateTimeField(_("Ended"), null=True, blank=True)
    person = models.CharField(_("Who"), max_length=120)
    address = models.CharField(_("From address"), max_length=120, blank=True)
    purpose = models.CharField(_("What for"), max_length=300, blank=True)
    notice = models.CharField(_("Maintenance notice (number)"), max_length=120, blank=True)
    """The notice by which it was announced; empty: nobody announced it."""

    class Meta:
        ordering = ("-start", "-id")
        indexes = (models.Index(fields=("device", "start"), name="session_device_start"),)
        verbose_name = _("Remote session")

    def __str__(self) -> str:
        return f"{self.device} {self.person}"

    @property
    def point(self) -> Point:
        return self.device.point


class SoftwareReading(Entry):
    """Software as somebody found it on a device or an instrument, to be held against the register."""

    class Way(models.TextChoices):
        ON_SITE = "on_site", _("Read on site")
        REMOTE = "remote", _("Read from afar")
        REPORTED = "reported", _("Reported by the device")

    device = models.ForeignKey(
        Device,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="software_readings",
        verbose_name=_("Device"),
    )
    instrument = models.ForeignKey(
        Instrument,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="software_readings",
        verbose_name=_("Instrument"),
    )
    read_at = models.DateTimeField(_("Read"))
    version = models.CharField(_("Software version"), max_length=60)
    digest = models.CharField(_("Hash"), max_length=128)
    reader = models.CharField(_("Read by"), max_length=120)
    way = models.CharField(_("How"), max_length=10, choices=Way.choices, default=Way.ON_SITE)

    class Meta:
        ordering = ("-read_at", "-id")
        constraints = (of_device_or_instrument("software_reading_of_one"),)
        verbose_name = _("Software found")

    def __str__(self) -> str:
        return f"{self.device or self.instrument} {self.version}"

    @property
    def point(self) -> Point:
        return self.subject.point

    @property
    def subject(self) -> Device | Instrument:
        """What the software was found on."""
        return self.device if self.device is not None else self.instrument

    def registered(self) -> list[Software]:
        """Return the software registered for the subject at the moment of the reading."""
        return [
            one
            for one in self.subject.software.all()
            if (one.valid_from is None or one.valid_from <= self.read_at)
            and (one.valid_to is None or self.read_at < one.valid_to)
        ]

    @property
    def against(self) -> str:
        """What the reading is against the register: equal, differs, unknown (version) or nothing (registered)."""
        registered = self.registered()
        if not registered:
            return "nothing"
        own = [one.digest for one in registered if one.version == self.version]
        if not own:
            return "unknown"
        return "equal" if self.digest in own else "differs"


class MaterialUse(Entry):
    """What was burnt, put in or drawn for an outlet over some days (燃料、原辅料、药剂、水)."""

    class Material(models.TextChoices):
        COAL = "coal", _("Coal")
        GAS = "gas", _("Natural gas")
        OIL = "oil", _("Oil")
        BIOMASS = "biomass", _("Biomass")
        WASTE = "waste", _("Waste burnt")
        RAW = "raw", _("Raw material")
        WATER = "water", _("Water drawn")
        LIMESTONE = "limestone", _("Limestone or lime")
        UREA = "urea", _("Urea")
        AMMONIA = "ammonia", _("Ammonia")
        CHEMICAL = "chemical", _("Treatment chemical")
        POWER = "power", _("Electricity of the treatment")

    outlet = models.ForeignKey(Outlet, models.PROTECT, related_name="materials", verbose_name=_("Outlet"))
    material = models.CharField(_("Material"), max_length=12, choices=Material.choices)
    first_day = models.DateField(_("First day"))
    last_day = models.DateField(_("Last day (included)"))
    amount = models.DecimalField(_("Amount"), max_digits=16, decimal_places=3)
    unit = models.CharField(
        _("Unit"), max_length=10, choices=(("t", "t"), ("kg", "kg"), ("m3", "m³"), ("kWh", "kWh"))
    )
    document = models.CharField(_("Document"), max_length=200, blank=True)

    class Meta:
        ordering = ("-last_day", "-id")
        indexes = (models.Index(fields=("outlet", "last_day"), name="material_outlet_day"),)
        verbose_name = _("Material used")

    def __str__(self) -> str:
        return f"{self.outlet} {self.get_material_display()}"


CONSUMED = (
    MaterialUse.Material.COAL,
    MaterialUse.Material.GAS,
    MaterialUse.Material.OIL,
    MaterialUse.Material.BIOMASS,
    MaterialUse.Material.WASTE,
    MaterialUse.Material.RAW,
    MaterialUse.Material.WATER,
)
"""What becomes emission. What cleans it (limestone, urea …) is shown to people; it enters no balance."""

BOOKS: dict[str, Kind] = {
    book.name: book
    for book in (
        Kind(
            "remote-sessions",
            RemoteSession,
            ("device", "start", "person"),
            ("device", "start", "end", "person", "address", "purpose", "notice"),
        ),
        Kind(
            "software-found",
            SoftwareReading,
            ("device", "instrument", "read_at", "version"),
            ("device", "instrument", "read_at", "version", "digest", "reader", "way"),
        ),
        Kind(
            "materials",
            MaterialUse,
            ("outlet", "material", "first_day"),
            ("outlet", "material", "first_day", "last_day", "amount", "unit", "document"),
        ),
    )
}
"""The log books: columns of their forms and files as the registry declares its tables."""
STRUCK = {
    "remote-sessions": "log-book.session-struck",
    "software-found": "log-book.software-struck",
    "materials": "log-book.material-struck",
}
"""Kind of ledger event by log book when an entry is struck out: each numbers its entries by itself."""
