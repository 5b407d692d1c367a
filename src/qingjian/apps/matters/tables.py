"""Lists of matters."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Region
from qingjian.apps.matters import declarations, queries, rules, wording
from qingjian.apps.matters.models import Certificate, Deadline, Delegation, Delivery, Matter, Notification
from qingjian.apps.matters.words import CERTIFICATE_KINDS, registered_notice
from qingjian.apps.network.models import Point
from qingjian.contracts.current import now
from qingjian.ui.listing import Choice, Column, Listing, Search

LIGHTS = (
    ("open", _("All open")),
    ("overdue", _("Overdue")),
    ("soon", _("Due soon")),
    ("later", _("In time")),
    ("none", _("Without deadline")),
    ("closed", _("Closed")),
)


class MatterSearch(Search):
    """Free text over number, title and organisation."""

    def apply(self, rows: QuerySet[Matter], text: str) -> QuerySet[Matter]:
        return queries.containing(rows, text)


def waits_for(row: Matter) -> Any:
    if row.waiting == "assignee":
        return row.assignee or _("to be assigned")
    if row.waiting == "subject":
        return row.subject
    return WAITING_WORDS.get(row.waiting, "")


WAITING_WORDS = {
    "matters.approve": _("a leader"),
    "matters.handle": _("an officer"),
    "matters.supervise": _("the upper level"),
}


def _light(row: Matter) -> tuple[str, str]:
    # Two cells of a row ask; a stopped clock is looked up once.
    if not hasattr(row, "light_of_list"):
        row.light_of_list = queries.matter_light(row, now())
    return row.light_of_list


NUMBER = Column("number", _("Number"), link=lambda row: reverse("matter", args=(row.pk,)))
KIND = Column("kind", _("Kind of matter"), value=lambda row: row.declaration.title, order="kind")
TITLE = Column("title", _("Title"), value=lambda row: row.heading, long=True)
STATE = Column(
    "state",
    _("State"),
    value=lambda row: row.present.title,
    order="state",
    badge=lambda row: row.present.colour,
)
STOP_ASKED = Column(
    "stop_asked",
    _("Stop of the clock"),
    value=lambda row: _("to be decided") if row.stop_asked else "",
    order="",
    badge=lambda row: "purple" if row.stop_asked else None,
)
LIGHT = Column(
    "due", _("Deadline"), value=lambda row: _light(row)[1], order="own_due", badge=lambda row: _light(row)[0]
)
DUE = Column("due", _("Due"), value=queries.due_of, order="own_due")
WAITS = Column("waiting", _("Waits for"), value=waits_for, order="waiting")
REGION = Column("region", _("Region"), order="region__code")
SUBJECT = Column("subject", _("Organisation concerned"), order="subject__name")
POINT = Column("point", _("Monitoring point"), order="point__name")
OPENED = Column("opened_at", _("Opened"))


def within(rows: QuerySet[Matter], region: str) -> QuerySet[Matter]:
    """Narrow to a region and all that lies below it today."""
    return rows.filter(region_id__in=account_rules.subtree({int(region)}))


class MatterListing(Listing):
    title = _("All matters")
    name = "matters"
    model = Matter
    template = "matters/matters.html"
    columns = (NUMBER, KIND, TITLE, STATE, LIGHT, DUE, WAITS, REGION, SUBJECT, OPENED)
    filters = (
        MatterSearch(()),
        Choice(
            "kind", _("Kind of matter"), lambda: [(one.code, one.title) for one in declarations.processes()]
        ),
        Choice("light", _("Deadline"), LIGHTS, use=queries.by_light),
        Choice("region", _("Region"), lambda: Region.objects.values_list("pk", "name"), use=within),
    )
    empty_text = _("No matter yet.")

    def __init__(self, request: HttpRequest, rows: QuerySet[Matter]) -> None:
        super().__init__(request, queries.with_own_due(rows, request.user))


class InboxListing(MatterListing):
    title = _("Waiting for me")
    name = "inbox"
    columns = (NUMBER, KIND, TITLE, STATE, STOP_ASKED, LIGHT, DUE, REGION, SUBJECT)
    empty_text = _("Nothing waits for you.")


class ProcessListing(MatterListing):
    """The matters of one process; subclasses name it."""

    process: declarations.Process
    wrapped_heads = True
    columns = (NUMBER, TITLE, STATE, LIGHT, DUE, WAITS, REGION, SUBJECT, OPENED)
    filters = (
        MatterSearch(()),
        Choice("light", _("Deadline"), LIGHTS, use=queries.by_light),
        Choice("region", _("Region"), lambda: Region.objects.values_list("pk", "name"), use=within),
    )


CLOCKS = (
    ("open", _("All open")),
    ("overdue", _("Overdue")),
    ("soon", _("Due soon")),
    ("paused", _("clock stopped")),
    ("provisional", _("provisional")),
    ("late", _("Not met in time")),
    ("met", _("Met")),
)


class PointChoice(Listing):
    """The points a matter of a process can be about; each leads to the form with the point filled in."""

    title = _("Which monitoring point is it about?")
    name = "points"
    model = Point
    template = "matters/choose_point.html"
    columns = (
        Column("name", _("Name"), link=lambda row: "?" + urlencode({"point": row.code})),
        Column("code", _("Point code")),
        Column("kind", _("Kind"), value=lambda row: row.get_kind_display(), order="kind"),
        Column("outlet", _("Outlet"), order="outlet__name"),
        Column("organisation", _("Owner"), order="organisation__name"),
        Column("region", _("Region"), order="region__code"),
    )
    filters = (
        Search(("name", "code", "organisation__name")),
        Choice("kind", _("Kind"), lambda: Point._meta.get_field("kind").choices),
    )
    empty_text = _("No monitoring point lies within your posts.")


class DeadlineListing(Listing):
    """Every clock of every matter; the link leads to the day-by-day explanation of its date."""

    title = _("Deadlines")
    name = "deadlines"
    model = Deadline
    columns = (
        Column("due", _("Due")),
        Column(
            "state",
            _("Deadline"),
            value=lambda row: queries.clock_light(row, now())[1],
            badge=lambda row: queries.clock_light(row, now())[0],
            order="",
        ),
        Column(
            "title",
            _("Deadline for"),
            value=lambda row: wording.deadline_title(row.matter.declaration, row.code, row.title),
            link=lambda row: reverse("matter", args=(row.matter_id,)) + "?tab=deadlines",
            order="",
        ),
        Column("number", _("Number"), value=lambda row: row.matter.number, order="matter__number"),
        Column("matter", _("Title"), value=lambda row: row.matter.heading, order="matter__title", long=True),
        Column("assignee", _("In charge"), value=lambda row: row.matter.assignee, order=""),
        Column("subject", _("Organisation concerned"), value=lambda row: row.matter.subject, order=""),
        Column("region", _("Region"), value=lambda row: row.matter.region, order=""),
        Column("escalation", _("Escalation"), numeric=True),
        Column("confidence", _("Confidence")),
    )
    filters = (
        Search(("matter__number", "matter__title", "matter__title_en")),
        Choice("clock", _("Deadline"), CLOCKS, use=queries.by_clock),
        Choice(
            "kind",
            _("Kind of matter"),
            lambda: [(one.code, one.title) for one in declarations.processes()],
            field="matter__kind",
        ),
    )
    empty_text = _("No clock is running.")

    def selected(self) -> QuerySet[Any]:
        rows = super().selected()
        return rows if self.request.GET.get("clock") else queries.by_clock(rows, "open")


class CertificateListing(Listing):
    title = _("Certificates")
    name = "certificates"
    model = Certificate
    add_url = "certificate-add"
    columns = (
        Column(
            "number", _("Certificate number"), link=lambda row: reverse("certificate-one", args=(row.pk,))
        ),
        Column("get_kind_display", _("Kind"), order="kind"),
        Column("holder", _("Holder"), order="person__name"),
        Column("scope", _("Scope")),
        Column("issuer", _("Issued by")),
        Column("valid_from", _("From")),
        Column("valid_to", _("Last day")),
        Column(
            "revoked_at",
            _("State"),
            value=lambda row: certificate_state(row)[1],
            badge=lambda row: certificate_state(row)[0],
            order="valid_to",
        ),
    )
    filters = (
        Search(("number", "person__name", "organisation__name", "scope")),
        Choice("kind", _("Kind"), CERTIFICATE_KINDS),
    )
    empty_text = _("No certificate in the register.")


def certificate_state(row: Certificate) -> tuple[str, Any]:
    """Return colour and word for a certificate today."""
    day = queries.account_rules.today()
    if row.revoked_at:
        return "red", _("revoked")
    if row.valid_to < day:
        return "red", _("expired")
    if row.valid_from > day:
        return "secondary", _("not yet valid")
    if (row.valid_to - day).days <= 90:
        return "orange", _("expires soon")
    return "green", _("valid")


def delegation_state(row: Delegation) -> tuple[str, Any]:
    """Return colour and word for a delegation today."""
    day = queries.account_rules.today()
    if row.ended_at or row.valid_to <= day:
        return "secondary", _("ended")
    if row.valid_from > day:
        return "secondary", _("not yet in force")
    if not rules.holds(row, day):
        return "orange", _("rests: a post has changed since")
    return "green", _("in force")


class DelegationListing(Listing):
    title = _("Absence and deputies")
    name = "delegations"
    model = Delegation
    add_url = "delegation-add"
    template = "matters/delegations.html"
    columns = (
        Column("person", _("Absent person"), order="person__name"),
        Column("deputy", _("Deputy"), order="deputy__name"),
        Column("valid_from", _("From")),
        Column("valid_to", _("To (not included)")),
        Column("reason", _("Reason")),
        Column("ended_at", _("Ended")),
        Column(
            "state",
            _("State"),
            value=lambda row: delegation_state(row)[1],
            order="",
            badge=lambda row: delegation_state(row)[0],
        ),
    )
    empty_text = _("Nobody stands in for anybody.")


def _notified_of(row: Notification) -> str | None:
    if row.matter_id:
        return reverse("matter", args=(row.matter_id,))
    registered = registered_notice(row.kind)
    return registered.address(row.values) if registered is not None else None


class NotificationListing(Listing):
    title = _("Notifications")
    name = "notifications"
    model = Notification
    template = "matters/notifications.html"
    columns = (
        Column("at", _("Time")),
        Column(
            "text",
            _("Notification"),
            value=lambda row: wording.sentence(row),
            link=_notified_of,
            order="",
        ),
        Column(
            "read_at",
            _("Read by the person"),
            value=lambda row: row.read_at or _("unread"),
            badge=lambda row: None if row.read_at else "blue",
            order="read_at",
        ),
    )
    empty_text = _("No notification.")


class DeliveryListing(Listing):
    title = _("Deliveries")
    name = "deliveries"
    model = Delivery
    columns = (
        Column("at", _("Time"), value=lambda row: row.notification.at, order="notification__at"),
        Column("channel", _("Channel")),
        Column("address", _("Address")),
        Column("person", _("Person"), value=lambda row: row.notification.person, order=""),
        Column(
            "state",
            _("State"),
            value=lambda row: row.get_state_display(),
            order="state",
            badge=lambda row: DELIVERY_COLOURS.get(row.state),
        ),
        Column("attempts", _("Attempts"), numeric=True),
        Column(
            "next_at", _("Next attempt"), value=lambda row: row.next_at if row.state == "waiting" else None
        ),
        Column("error", _("Error")),
    )
    filters = (Choice("state", _("State"), Delivery.State.choices), Search(("channel", "address", "error")))
    empty_text = _("Nothing has gone out over e-mail, webhooks or other channels.")


DELIVERY_COLOURS = {"waiting": "blue", "sent": "green", "failed": "red"}
