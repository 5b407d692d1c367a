"""What a matter leaves behind: files, evidence, documents, signatures; and the certificates people act under."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import Organisation, Region
from qingjian.apps.matters.declarations import Party
from qingjian.apps.matters.models.kept import Kept
from qingjian.apps.matters.models.matter import Matter
from qingjian.apps.matters.words import CAPTURE_MODES, CERTIFICATE_KINDS, EVIDENCE_KINDS


class StoredFile(Kept):
    """A file kept under the SHA-256 of its content; the same content is kept once."""

    digest = models.CharField(primary_key=True, max_length=64)
    size = models.PositiveBigIntegerField(_("Size"))
    media_type = models.CharField(_("Type"), max_length=100)
    """Found in the content, never believed from the name."""
    stored_at = models.DateTimeField(_("Stored"))

    class Meta:
        verbose_name = _("File")

    def __str__(self) -> str:
        return self.digest


class Evidence(Kept):
    """A piece of evidence (证据). Withdrawal keeps the row and the file."""

    matter = models.ForeignKey(Matter, models.PROTECT, related_name="evidence")
    file = models.ForeignKey(StoredFile, models.PROTECT)
    name = models.CharField(_("File name"), max_length=200)
    kind = models.CharField(_("Kind"), max_length=10, choices=EVIDENCE_KINDS)
    title = models.CharField(_("What it shows"), max_length=200)
    taken_at = models.DateTimeField(_("Taken at"), null=True, blank=True)
    taken_at_in_file = models.DateTimeField(_("Time written in the file"), null=True, blank=True)
    longitude = models.FloatField(_("Longitude"), null=True, blank=True)
    latitude = models.FloatField(_("Latitude"), null=True, blank=True)
    longitude_in_file = models.FloatField(null=True, blank=True)
    latitude_in_file = models.FloatField(null=True, blank=True)
    device = models.CharField(_("Device"), max_length=120, blank=True)
    capture = models.CharField(_("How it came"), max_length=10, choices=CAPTURE_MODES)
    recorder = models.CharField(_("Recorder number"), max_length=60, blank=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("Added by")
    )
    added_at = models.DateTimeField(_("Added"))
    side = models.CharField(
        max_length=8, default=Party.BUREAU.value, choices=[(one.value, one.value) for one in Party]
    )
    """On which side of the matter whoever added it stood at that moment."""
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawal_reason = models.CharField(max_length=300, blank=True)
    replaces = models.ForeignKey("self", models.PROTECT, null=True, related_name="replaced_by")

    class Meta:
        ordering = ("id",)
        verbose_name = _("Evidence")

    def __str__(self) -> str:
        return self.title


class DocumentTemplate(Kept):
    """An office's own Word template for an official form; of those approved the one of the nearest region is used, the newest first."""

    process = models.CharField(_("Kind of matter"), max_length=40)
    code = models.CharField(_("Document"), max_length=40)
    region = models.ForeignKey(Region, models.PROTECT, null=True, verbose_name=_("Region"))
    """Where it is used, with everything below; everywhere when None, as of templates from before regions were kept."""
    file = models.ForeignKey(StoredFile, models.PROTECT)
    name = models.CharField(_("File name"), max_length=200)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, verbose_name=_("Author"), related_name="+"
    )
    at = models.DateTimeField(_("Time"))
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("Approved by")
    )
    approved_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = _("Document template")

    def __str__(self) -> str:
        return f"{self.process}/{self.code} {self.name}"


class Document(Kept):
    """A document made in a matter; the .docx is the document of record."""

    matter = models.ForeignKey(Matter, models.PROTECT, related_name="documents")
    code = models.CharField(max_length=40)
    number = models.CharField(_("Document number"), max_length=80, unique=True)
    title = models.CharField(_("Document"), max_length=120)
    file = models.ForeignKey(StoredFile, models.PROTECT, related_name="+")
    template_digest = models.CharField(max_length=64)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("Made by")
    )
    made_at = models.DateTimeField(_("Made"))
    superseded = models.BooleanField(default=False)

    class Meta:
        ordering = ("id",)
        verbose_name = _("Document")

    def __str__(self) -> str:
        return self.number


class SignSheet(Kept):
    """The signatures one document needs; the digest is that of the file which was shown."""

    class State(models.TextChoices):
        OPEN = "open", _("Being signed")
        COMPLETE = "complete", _("Signed by all")
        REFUSED = "refused", _("Refused")
        DROPPED = "dropped", _("Taken back or replaced")

    matter = models.ForeignKey(Matter, models.PROTECT, related_name="sheets")
    code = models.CharField(max_length=40)
    document = models.ForeignKey(Document, models.PROTECT, related_name="sheets")
    digest = models.CharField(max_length=64)
    state = models.CharField(_("State"), max_length=10, choices=State.choices, default=State.OPEN)
    opened_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        verbose_name = _("Signature sheet")

    def __str__(self) -> str:
        return f"{self.code} {self.document}"


class SignOff(Kept):
    """A signature (签字) or its refusal: who, in which role and under which certificate at that moment, over what."""

    sheet = models.ForeignKey(SignSheet, models.PROTECT, related_name="signatures")
    slot = models.CharField(max_length=40)
    order = models.PositiveSmallIntegerField()
    signer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("Signed by")
    )
    """For an outsider's signature, the officer who was present."""
    role = models.CharField(max_length=30)
    certificate = models.CharField(_("Certificate"), max_length=80, blank=True)
    at = models.DateTimeField(_("Time"))
    digest = models.CharField(max_length=64)
    refused = models.BooleanField(default=False)
    reason = models.CharField(_("Reason"), max_length=300, blank=True)
    outsider_name = models.CharField(_("Name of the person present"), max_length=60, blank=True)
    outsider_capacity = models.CharField(_("In what capacity"), max_length=120, blank=True)
    drawing = models.ForeignKey(StoredFile, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("id",)
        verbose_name = _("Signature")

    def __str__(self) -> str:
        return f"{self.slot} {self.signer}"


class Certificate(Kept):
    """A certificate of a person or an organisation, with scope and expiry."""

    kind = models.CharField(_("Kind"), max_length=20, choices=CERTIFICATE_KINDS)
    number = models.CharField(_("Certificate number"), max_length=80)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="certificates",
        verbose_name=_("Person"),
    )
    organisation = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="certificates",
        verbose_name=_("Organisation"),
    )
    scope = models.CharField(_("Scope"), max_length=300, blank=True)
    issuer = models.CharField(_("Issued by"), max_length=120)
    valid_from = models.DateField(_("From"))
    valid_to = models.DateField(_("Last day"))
    revoked_at = models.DateTimeField(null=True, blank=True)
    revocation_reason = models.CharField(max_length=300, blank=True)
    file = models.ForeignKey(StoredFile, models.PROTECT, null=True, blank=True, related_name="+")
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()
    warned = models.BooleanField(default=False)

    class Meta:
        ordering = ("valid_to", "id")
        constraints = (
            # A renewal keeps the number; that periods do not overlap is held by `services.register_certificate`.
            models.UniqueConstraint(
                fields=("kind", "number", "valid_from"),
                condition=models.Q(revoked_at__isnull=True),
                name="one_certificate_in_force_per_number",
            ),
            models.CheckConstraint(
                condition=models.Q(person__isnull=False, organisation__isnull=True)
                | models.Q(person__isnull=True, organisation__isnull=False),
                name="certificate_has_one_holder",
            ),
        )
        verbose_name = _("Certificate")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number}"

    @property
    def holder(self) -> object:
        return self.person or self.organisation


class Disclosure(Kept):
    """What an action made public; publishing shows these rows, withdrawal keeps them."""

    matter = models.ForeignKey(Matter, models.PROTECT, related_name="disclosures")
    title = models.CharField(_("Title"), max_length=200)
    action = models.CharField(max_length=40, blank=True)
    content = models.JSONField()
    """`number`, `title`, `region`, `subject`, and `fields` by name, all as they were on that day."""
    at = models.DateTimeField(_("Time"))
    withdrawn_at = models.DateTimeField(null=True)
    withdrawal_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = _("Disclosure")

    def __str__(self) -> str:
        return self.title
