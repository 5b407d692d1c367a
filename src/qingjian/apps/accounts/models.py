"""Who belongs where, effective-dated: regions, organisations, users and their posts."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.roles import ROLES


class Region(models.Model):
    """Administrative region (行政区), from province to township; its place in the tree is dated."""

    class Level(models.TextChoices):
        PROVINCE = "province", _("Province")
        CITY = "city", _("City")
        COUNTY = "county", _("County")
        TOWNSHIP = "township", _("Township")

    code = models.CharField(_("Region code"), max_length=12, unique=True)
    name = models.CharField(_("Name"), max_length=80)
    level = models.CharField(_("Level"), max_length=10, choices=Level.choices)

    class Meta:
        ordering = ("code",)
        verbose_name = _("Region")

    def __str__(self) -> str:
        return self.name


class RegionPlacement(models.Model):
    """Which region a region belonged to, from a day up to (not including) a day."""

    region = models.ForeignKey(Region, models.PROTECT, related_name="placements", verbose_name=_("Region"))
    parent = models.ForeignKey(
        Region, models.PROTECT, related_name="placed_below", verbose_name=_("Region above")
    )
    valid_from = models.DateField(_("From"))
    valid_to = models.DateField(_("To (not included)"), null=True, blank=True)

    class Meta:
        verbose_name = _("Place of a region")
        constraints = (
            models.UniqueConstraint(fields=("region", "valid_from"), name="one_placement_per_region_and_day"),
        )

    def __str__(self) -> str:
        return f"{self.region} < {self.parent} ({self.valid_from}…{self.valid_to or ''})"


class Organisation(models.Model):
    """Organisation (单位): bureaus, stations, permit holders, agencies, companies."""

    class Kind(models.TextChoices):
        BUREAU = "bureau", _("Ecology and environment bureau")
        STATION = "station", _("Monitoring station")
        ENFORCEMENT = "enforcement", _("Enforcement team")
        GOVERNMENT = "government", _("Government or department")
        HOLDER = "holder", _("Permit holder")
        AGENCY = "agency", _("Testing agency")
        MAINTENANCE = "maintenance", _("Maintenance company")

    code = models.CharField(_("Unified social credit code"), max_length=24, unique=True)
    name = models.CharField(_("Name"), max_length=120)
    kind = models.CharField(_("Kind"), max_length=12, choices=Kind.choices)
    region = models.ForeignKey(Region, models.PROTECT, related_name="organisations", verbose_name=_("Region"))
    active = models.BooleanField(_("Active"), default=True)

    class Meta:
        ordering = ("code",)
        verbose_name = _("Organisation")

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager):
    """Looks users up by their login name."""

    def create_user(self, username: str, name: str, password: str | None, **fields: object) -> User:
        user = self.model(username=username, name=name, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person who signs in. What the person may do follows from posts, never from this row."""

    username = models.CharField(_("Login name"), max_length=60, unique=True)
    name = models.CharField(_("Name"), max_length=60)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="people", verbose_name=_("Organisation")
    )
    email = models.EmailField(_("E-mail"), blank=True)
    phone = models.CharField(_("Telephone"), max_length=30, blank=True)
    is_active = models.BooleanField(_("Active"), default=True)
    must_change_password = models.BooleanField(default=False)
    failed_sign_ins = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True, blank=True)
    language = models.CharField(_("Language"), max_length=10, blank=True)

    objects = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ("name",)

    class Meta:
        ordering = ("username",)
        verbose_name = _("User")

    def __str__(self) -> str:
        return self.name


class SecondFactor(models.Model):
    """The authenticator app of a person; it counts once a first code has been given."""

    user = models.OneToOneField(User, models.CASCADE, related_name="second_factor")
    sealed_secret = models.CharField(max_length=200)
    """Encrypted with a key derived from the node's secret."""
    confirmed_at = models.DateTimeField(_("In use since"), null=True, blank=True)
    last_step = models.BigIntegerField(default=0)
    """The newest 30-second step whose code was accepted; none is accepted twice."""

    class Meta:
        verbose_name = _("Second factor")

    def __str__(self) -> str:
        return f"{self.user} {self.confirmed_at or ''}"


class RecoveryCode(models.Model):
    """A code on paper that opens the account once when the telephone is lost."""

    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "digest"), name="one_row_per_recovery_code"),)

    def __str__(self) -> str:
        return f"{self.user} {self.used_at or ''}"


class AccessToken(models.Model):
    """With it a program reads in the name of a person, as that person's posts allow at the moment; rows are never deleted."""

    user = models.ForeignKey(User, models.PROTECT, related_name="access_tokens", verbose_name=_("User"))
    name = models.CharField(_("Name"), max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(_("Begins with"), max_length=12)
    made_at = models.DateTimeField(_("Made at"))
    expires_at = models.DateTimeField(_("Expires at"))
    last_used_at = models.DateTimeField(_("Last used"), null=True)
    last_used_from = models.CharField(_("Last used from"), max_length=60, blank=True)
    revoked_at = models.DateTimeField(_("Revoked at"), null=True)
    revoked_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", verbose_name=_("Revoked by")
    )

    class Meta:
        ordering = ("-made_at", "-id")
        verbose_name = _("Access token")

    def __str__(self) -> str:
        return f"{self.user} · {self.name}"


class Post(models.Model):
    """A role held by a person in an organisation for a region (任职), from a day up to (not including) a day."""

    user = models.ForeignKey(User, models.PROTECT, related_name="posts", verbose_name=_("User"))
    role = models.CharField(
        _("Role"), max_length=30, choices=[(code, role.name) for code, role in ROLES.items()]
    )
    organisation = models.ForeignKey(Organisation, models.PROTECT, verbose_name=_("Organisation"))
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("Region"))
    valid_from = models.DateField(_("From"))
    valid_to = models.DateField(_("To (not included)"), null=True, blank=True)

    class Meta:
        ordering = ("user", "valid_from")
        indexes = (models.Index(fields=("user", "valid_from")),)
        verbose_name = _("Post")

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} · {self.region}"


class TwoPersonDecision(models.Model):
    """What one person proposes and another decides (maker-checker); decided with `services.decide`."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("Waiting for approval")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    author = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("Proposed by"))
    created_at = models.DateTimeField(_("Proposed at"))
    state = models.CharField(_("State"), max_length=10, choices=State.choices, default=State.PROPOSED)
    decided_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", verbose_name=_("Decided by")
    )
    decided_at = models.DateTimeField(_("Decided at"), null=True)
    comment = models.CharField(_("Comment"), max_length=300, blank=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


class AdministratorReset(TwoPersonDecision):
    """A new first password for an administrator, or the end of a second factor: another administrator approves it."""

    class What(models.TextChoices):
        PASSWORD = "password", _("New first password")
        SECOND_FACTOR = "second-factor", _("Reset of the second factor")

    user = models.ForeignKey(User, models.PROTECT, related_name="resets", verbose_name=_("User"))
    what = models.CharField(_("What"), max_length=14, choices=What.choices)
    password = models.CharField(max_length=128, blank=True)
    """As the password of a user is stored; empty once decided."""

    class Meta:
        ordering = ("-created_at",)
        verbose_name = _("Reset of an administrator")

    def __str__(self) -> str:
        return f"{self.user} {self.what} {self.state}"


class AuditEvent(models.Model):
    """One line of the access trail: who did what, when, from where. Rows are only ever added."""

    at = models.DateTimeField(_("Time"), db_index=True)
    user = models.ForeignKey(User, models.PROTECT, null=True, blank=True, verbose_name=_("User"))
    action = models.CharField(_("Action"), max_length=60)
    """Three parts, `source:subject:action`, e.g. session:user:signed-in."""
    subject = models.CharField(_("Subject"), max_length=200, blank=True)
    detail = models.JSONField(_("Detail"), default=dict, blank=True)
    address = models.CharField(_("Address"), max_length=60, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = _("Audit event")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action} {self.subject}"
