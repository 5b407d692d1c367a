"""The one table of people's work; each process is a proxy of it with its own protected transitions."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import ProtectedError
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, FSMModelMixin, transition

from qingjian.apps.accounts.models import Organisation, Region
from qingjian.apps.matters import declarations
from qingjian.apps.matters.declarations import VOID, Action, Process, State
from qingjian.apps.matters.models.kept import Kept
from qingjian.apps.matters.words import CONFIDENTIALITIES, TITLE_LENGTH
from qingjian.apps.network.models import Point


def _transition_method(action: Action) -> Any:
    def take(self: Matter) -> None:
        """Change the state; called by `services.act` only, which checks everything else."""

    take.__name__ = f"take_{action.name}"
    return transition(field="state", source=list(action.sources), target=action.target)(take)


def _void_method(process: Process) -> Any:
    def take(self: Matter) -> None:
        """Declare the number void; it stays visible."""

    take.__name__ = "take_void"
    return transition(
        field="state", source=[one.code for one in process.states if not one.final], target=VOID
    )(take)


class Matter(FSMModelMixin, Kept):
    """A piece of work (事项) with a number, a state and somebody it waits for. Rows are never deleted."""

    kind = models.CharField(_("Kind of matter"), max_length=40)
    number = models.CharField(_("Number"), max_length=60, unique=True)
    title = models.CharField(_("Title"), max_length=TITLE_LENGTH)
    title_en = models.CharField(_("English title"), max_length=TITLE_LENGTH, blank=True, default="")
    """What the program named itself, for who reads in English; empty where a person wrote the title."""
    state = FSMField(_("State"), max_length=30, protected=True)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("Region"), related_name="matters")
    subject = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="matters_about",
        verbose_name=_("Organisation concerned"),
    )
    point = models.ForeignKey(
        Point,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="matters",
        verbose_name=_("Monitoring point"),
    )
    confidentiality = models.CharField(
        _("Confidentiality"), max_length=12, choices=CONFIDENTIALITIES, default="internal"
    )
    shared = models.BooleanField(_("Shown to the organisation concerned"), default=False)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="matters_in_charge",
        verbose_name=_("In charge"),
    )
    waiting = models.CharField(_("Waits for"), max_length=30, blank=True)
    """`assignee`, `subject`, the value of a capability, or nothing when closed."""
    data = models.JSONField(_("Data"), default=dict)
    origin = models.CharField(_("Made from"), max_length=80, blank=True)
    """What it was opened from, e.g. clue:12."""
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="matters_opened",
        verbose_name=_("Opened by"),
    )
    """None when the program opened it by itself, e.g. for an alert."""
    opened_at = models.DateTimeField(_("Opened"))
    changed_at = models.DateTimeField(_("Last step"))
    closed_at = models.DateTimeField(_("Closed"), null=True, blank=True)
    due = models.DateTimeField(_("Next deadline"), null=True, blank=True)
    """Earliest running deadline, kept here so that lists need no join."""
    version = models.PositiveIntegerField(default=0)

    process: Process | None = None

    class Meta:
        ordering = ("-opened_at", "-id")
        indexes = (
            models.Index(fields=("region", "-opened_at", "-id"), name="matter_region_opened"),
            models.Index(fields=("kind", "region", "-opened_at"), name="matter_kind_region"),
            models.Index(fields=("assignee", "closed_at", "due"), name="matter_assignee_open"),
            models.Index(fields=("waiting", "closed_at", "due"), name="matter_waiting_open"),
            models.Index(fields=("closed_at", "due"), name="matter_open_due"),
            models.Index(fields=("subject", "shared"), name="matter_subject_shared"),
            models.Index(fields=("origin",), name="matter_origin"),
            models.Index(fields=("title",), name="matter_title"),
            models.Index(fields=("title_en",), name="matter_title_en"),
            models.Index(fields=("-opened_at", "-id"), name="matter_opened"),
        )
        verbose_name = _("Matter")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # The declaration is the source: the transitions of django-fsm are made from it before the class is prepared.
        super().__init_subclass__(**kwargs)
        process = cls.__dict__.get("process")
        if isinstance(process, Process):
            declarations.register(process)
            for action in process.actions:
                setattr(cls, f"take_{action.name}", _transition_method(action))
            cls.take_void = _void_method(process)

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def heading(self) -> str:
        """The title in the reader's language, where there is one; documents carry `title`."""
        return self.title_en if self.title_en and (get_language() or "").startswith("en") else self.title

    @property
    def declaration(self) -> Process:
        """The process of this row, whichever class it was read through."""
        return declarations.process(self.kind)

    @property
    def present(self) -> State:
        return self.declaration.state(self.state)

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def origin_address(self) -> str:
        """Address of what the matter began at; empty when there is no page about it."""
        page, (_kind, _colon, key) = self.declaration.origin_page, self.origin.partition(":")
        return reverse(page, args=(key,)) if page and key else ""

    @property
    def origin_title(self) -> str:
        """What the matter began at, in words."""
        return str(self.declaration.origin_words) % {"number": self.origin.partition(":")[2]}

    def as_process(self) -> Matter:
        """Return this row as its proxy class, which has the transitions."""
        from django.apps import apps

        proxy = next(
            model
            for model in apps.get_models()
            if issubclass(model, Matter) and model.process is self.declaration
        )
        self.__class__ = proxy
        return self


class NumberSeries(Kept):
    """Last number of a process in a year and a region; raised in the transaction that opens the matter."""

    kind = models.CharField(max_length=40)
    year = models.PositiveSmallIntegerField()
    region = models.ForeignKey(Region, models.PROTECT)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("kind", "year", "region"), name="one_number_series"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.year} {self.region_id}: {self.last}"


INSIDE_ACTIONS = frozenset({"comment", "assign", "urge", "link"})
"""Steps of the kernel that may be the authority's own: notes not meant for the organisation, hand-overs, urging its staff, links."""

CLOCK_ACTIONS = frozenset({"overdue", "recompute", "worsened"})
"""Lines of a clock: inside like the clock itself."""


class TrailEntry(Kept):
    """One step of a matter, numbered without gaps from 1; rows are only ever added."""

    matter = models.ForeignKey(Matter, models.PROTECT, related_name="trail")
    sequence = models.PositiveIntegerField()
    at = models.DateTimeField(_("Time"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, verbose_name=_("Person"), related_name="+"
    )
    on_behalf_of = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    action = models.CharField(_("Action"), max_length=40)
    before = models.CharField(max_length=30, blank=True)
    after = models.CharField(max_length=30, blank=True)
    data = models.JSONField(default=dict)
    note = models.CharField(_("Note"), max_length=1000, blank=True)

    class Meta:
        ordering = ("matter", "sequence")
        constraints = (models.UniqueConstraint(fields=("matter", "sequence"), name="trail_without_gaps"),)
        verbose_name = _("Trail entry")

    def __str__(self) -> str:
        return f"{self.matter_id}/{self.sequence} {self.action}"

    @property
    def inside(self) -> bool:
        """Whether the line is the authority's own business: the organisation concerned does not read it."""
        if self.action in CLOCK_ACTIONS:
            return self.data.get("deadline") in self.matter.declaration.inside_clocks()
        declared = self.matter.declaration.action(self.action)
        if declared is not None and declared.inside:
            return True
        return self.action in INSIDE_ACTIONS and bool(self.data.get("inside", True))

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ProtectedError(gettext("A line of a trail is never changed."), {self})
        super().save(*args, **kwargs)


class Receipt(Kept):
    """An action that was done under an idempotency key; the same key again gives the same answer."""

    key = models.CharField(max_length=64, unique=True)
    content = models.CharField(max_length=64)
    """Digest of matter, action, person and data: the same key for something else is an error."""
    trail = models.ForeignKey(TrailEntry, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key


class MatterLink(Kept):
    """A link between two matters."""

    source = models.ForeignKey(Matter, models.PROTECT, related_name="links_out")
    target = models.ForeignKey(Matter, models.PROTECT, related_name="links_in")
    kind = models.CharField(max_length=12, default="follows")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("source", "target", "kind"), name="one_link_of_a_kind"),
        )

    def __str__(self) -> str:
        return f"{self.source_id} {self.kind} {self.target_id}"
