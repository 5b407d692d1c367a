"""Notifications and their channels, and delegation."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from qingjian.apps.matters.models.clocks import Deadline
from qingjian.apps.matters.models.matter import Matter


class Notification(models.Model):
    """A sentence for one person, mostly about one matter; `wording.sentence` makes the text when it is read, in the reader's language."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="notifications")
    matter = models.ForeignKey(Matter, models.PROTECT, null=True, related_name="notifications")
    deadline = models.ForeignKey(Deadline, models.PROTECT, null=True, related_name="notifications")
    kind = models.CharField(_("Kind"), max_length=20)
    values = models.JSONField(default=dict)
    at = models.DateTimeField(_("Time"))
    read_at = models.DateTimeField(_("Read"), null=True)

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("person", "-id"), name="notification_of_person"),
            models.Index(fields=("person", "read_at"), name="notification_unread"),
        )
        verbose_name = _("Notification")

    def __str__(self) -> str:
        return f"{self.kind} {self.matter_id}"


class WebhookTarget(models.Model):
    """An address that gets notifications as signed JSON."""

    name = models.CharField(_("Name"), max_length=80, unique=True)
    address = models.URLField(_("Address"), max_length=300)
    secret = models.CharField(_("Secret"), max_length=80)
    enabled = models.BooleanField(_("In use"), default=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("Webhook")

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One notification over one channel outside the pages, tried again until it succeeds or is given up."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Given up")

    notification = models.ForeignKey(Notification, models.PROTECT, related_name="deliveries")
    channel = models.CharField(_("Channel"), max_length=20)
    address = models.CharField(_("Address"), max_length=300)
    state = models.CharField(_("State"), max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(_("Attempts"), default=0)
    next_at = models.DateTimeField()
    error = models.CharField(_("Error"), max_length=300, blank=True)

    class Meta:
        ordering = ("id",)
        indexes = (models.Index(fields=("state", "next_at"), name="delivery_waiting"),)
        verbose_name = _("Delivery")

    def __str__(self) -> str:
        return f"{self.channel} {self.notification_id}"


class Delegation(models.Model):
    """Somebody stands in for an absent person's work, from a day up to (not including) a day."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="delegations_given",
        verbose_name=_("Absent person"),
    )
    deputy = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="delegations_held", verbose_name=_("Deputy")
    )
    valid_from = models.DateField(_("From"))
    valid_to = models.DateField(_("To (not included)"))
    reason = models.CharField(_("Reason"), max_length=200)
    posts = models.JSONField(default=dict)
    """`person` and `deputy`: the posts each held when it was given, as `rules.held_posts` returns them."""
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-valid_from", "-id")
        indexes = (models.Index(fields=("deputy", "valid_from"), name="delegation_of_deputy"),)
        verbose_name = _("Delegation")

    def __str__(self) -> str:
        return f"{self.person} → {self.deputy}"
