"""Absence, handing over, transfers, and the register of certificates."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.models import Organisation, User
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.matters import queries, rules
from qingjian.apps.matters.errors import NotAllowed, RefusedError
from qingjian.apps.matters.models import Certificate, Delegation, Matter, StoredFile
from qingjian.apps.matters.services import notices
from qingjian.apps.matters.words import ORGANISATION_CERTIFICATES, PERSONAL_CERTIFICATES
from qingjian.contracts.current import now

LONGEST_DELEGATION_DAYS = 366
WARNED_BEFORE = timedelta(days=30)
AT_ONCE = 500


def _may_arrange(author: Any, person: User) -> bool:
    """Everybody arranges their own absence; who approves matters in the region arranges it for the staff."""
    return author.pk == person.pk or (
        account_rules.may(author, Capability.APPROVE_MATTERS)
        and queries.staff(author).filter(pk=person.pk).exists()
    )


def delegate(
    author: Any, person: User, deputy: User, valid_from: date, valid_to: date, reason: str
) -> Delegation:
    """Let a deputy do an absent person's work for some days; signatures stay personal."""
    if not _may_arrange(author, person):
        raise NotAllowed(_("You arrange your own absence, or that of the people whose matters you approve."))
    if person.pk == deputy.pk:
        raise RefusedError("person", _("Nobody stands in for themselves."))
    if valid_to <= valid_from or (valid_to - valid_from).days > LONGEST_DELEGATION_DAYS:
        raise RefusedError("field", _("The end must lie after the beginning, at most a year later."))
    if not reason.strip():
        raise RefusedError("field", _("Give a reason: it stays in the history."))
    for one, text in (
        (deputy, _("The deputy has no post at present.")),
        (person, _("The absent person has no post at present: hand the work over instead.")),
    ):
        if not account_rules.posts_on(one):
            raise RefusedError("person", text)
    kinds = {bool(account_rules.is_own_organisation_only(one)) for one in (person, deputy)}
    if len(kinds) > 1 or (True in kinds and person.organisation_id != deputy.organisation_id):
        raise RefusedError(
            "person",
            _(
                "A deputy belongs to the same side: an authority to an authority, a company to the same company."
            ),
        )
    with transaction.atomic():
        overlapping = Delegation.objects.filter(
            person=person, deputy=deputy, ended_at=None, valid_from__lt=valid_to, valid_to__gt=valid_from
        )
        if overlapping.exists():
            raise RefusedError("field", _("This delegation exists already for some of these days."))
        row = Delegation.objects.create(
            person=person,
            deputy=deputy,
            valid_from=valid_from,
            valid_to=valid_to,
            reason=reason.strip(),
            posts={"person": rules.held_posts(person), "deputy": rules.held_posts(deputy)},
            author=author,
            at=now(),
        )
        accounts.record(
            author,
            "matters:delegation:given",
            person.username,
            {"deputy": deputy.username, "from": valid_from.isoformat(), "to": valid_to.isoformat()},
        )
    return row


def end_delegation(author: Any, row: Delegation) -> None:
    """End a delegation at once."""
    if not _may_arrange(author, row.person):
        raise NotAllowed(_("You arrange your own absence, or that of the people whose matters you approve."))
    with transaction.atomic():
        Delegation.objects.filter(pk=row.pk, ended_at=None).update(ended_at=now())
        accounts.record(
            author, "matters:delegation:ended", row.person.username, {"deputy": row.deputy.username}
        )


def hand_over(
    author: Any, giver: User, receiver: User, reason: str
) -> tuple[list[Matter], list[tuple[Matter, str]]]:
    """Hand all open work of a person to another; return what went over and what could not, each with its reason.

    Every matter is one action of its own: a number, a state or a deadline never changes by handing over.
    """
    from qingjian.apps.matters.services.acting import act

    if giver.pk == receiver.pk:
        raise RefusedError("person", _("Choose two different people."))
    gone: list[Matter] = []
    left: list[tuple[Matter, str]] = []
    for matter in queries.visible_to(author).filter(assignee=giver, closed_at=None).order_by("id"):
        try:
            done = act(
                matter,
                "assign",
                author,
                {"person": receiver.pk, "note": reason},
                matter.version,
                uuid.uuid4().hex,
            )
        except (RefusedError, NotAllowed) as error:
            left.append((matter, " ".join(error.messages) if isinstance(error, RefusedError) else str(error)))
        else:
            gone.append(done.matter)
    return gone, left


def _may_register(author: Any, person: User | None, organisation: Organisation | None) -> bool:
    if organisation is not None and organisation.kind in rules.SERVING:
        return account_rules.may(author, Capability.APPROVE_MATTERS)
    region = organisation.region_id if organisation else person.organisation.region_id
    return region in rules.reach(author).capabilities[Capability.APPROVE_MATTERS] and (
        person is None or person.pk != author.pk
    )


def register_certificate(
    author: Any,
    *,
    kind: str,
    number: str,
    issuer: str,
    valid_from: date,
    valid_to: date,
    person: User | None = None,
    organisation: Organisation | None = None,
    scope: str = "",
    file: StoredFile | None = None,
) -> Certificate:
    """Enter a certificate of a person or an organisation; nobody enters their own."""
    if (person is None) == (organisation is None):
        raise RefusedError("field", _("Name either a person or an organisation."))
    if not _may_register(author, person, organisation):
        raise NotAllowed(
            _("Certificates are entered by who approves matters in the region, never for oneself.")
        )
    given_to = PERSONAL_CERTIFICATES if person is not None else ORGANISATION_CERTIFICATES
    if kind not in given_to:
        raise RefusedError(
            "field",
            _("A certificate of this kind is given to a person.")
            if kind in PERSONAL_CERTIFICATES
            else _("A certificate of this kind is given to an organisation."),
        )
    if valid_to < valid_from:
        raise RefusedError("field", _("The end must lie after the beginning."))
    if not number.strip() or not issuer.strip():
        raise RefusedError("field", _("A certificate has a number and an issuer."))
    number = number.strip()
    try:
        with transaction.atomic():
            _check_number(kind, number, person, organisation, valid_from, valid_to)
            row = Certificate.objects.create(
                kind=kind,
                number=number,
                issuer=issuer.strip(),
                valid_from=valid_from,
                valid_to=valid_to,
                person=person,
                organisation=organisation,
                scope=scope.strip(),
                file=file,
                entered_by=author,
                entered_at=now(),
            )
            accounts.record(author, "matters:certificate:entered", row.number, {"kind": kind})
    except IntegrityError as error:
        raise RefusedError(
            "field", _("A certificate of this kind with this number exists already.")
        ) from error
    return row


def _check_number(
    kind: str,
    number: str,
    person: User | None,
    organisation: Organisation | None,
    valid_from: date,
    valid_to: date,
) -> None:
    """Refuse a number that is another holder's, or valid already for some of these days; revoked entries do not count."""
    # The holder's row is locked, so that two who enter the same renewal come one after the other.
    type(person or organisation).objects.select_for_update().get(pk=(person or organisation).pk)
    entered = Certificate.objects.filter(kind=kind, number=number, revoked_at=None)
    if entered.exclude(person=person, organisation=organisation).exists():
        raise RefusedError(
            "field", _("A certificate of this kind with this number belongs to another holder.")
        )
    same = entered.filter(valid_from__lte=valid_to, valid_to__gte=valid_from).first()
    if same is not None:
        raise RefusedError(
            "field",
            _(
                "This certificate is entered already for %(begin)s to %(end)s. A renewal begins after that; a wrong entry is revoked first."
            )
            % {"begin": same.valid_from, "end": same.valid_to},
        )


def revoke_certificate(author: Any, row: Certificate, reason: str) -> Certificate:
    """Take a certificate out of force from now on; what was signed under it stays as it was."""
    if not _may_register(author, row.person, row.organisation):
        raise NotAllowed(
            _("Certificates are entered by who approves matters in the region, never for oneself.")
        )
    if not reason.strip():
        raise RefusedError("field", _("Give a reason: it stays in the history."))
    with transaction.atomic():
        changed = Certificate.objects.filter(pk=row.pk, revoked_at=None).update(
            revoked_at=now(), revocation_reason=reason.strip()[:300]
        )
        if not changed:
            raise RefusedError("stale", _("The certificate is revoked already."))
        accounts.record(author, "matters:certificate:revoked", row.number, {"reason": reason.strip()})
    row.refresh_from_db()
    return row


def warn_of_certificates() -> int:
    """Tell holders, and who approves matters in their region, of certificates that end soon and are not renewed; once each."""
    today = account_rules.today()
    told = 0
    renewal = Certificate.objects.filter(
        kind=OuterRef("kind"),
        number=OuterRef("number"),
        revoked_at=None,
        valid_from__gt=OuterRef("valid_to"),
    )
    ending = Certificate.objects.filter(
        ~Exists(renewal),
        warned=False,
        revoked_at=None,
        valid_to__gte=today,
        valid_to__lte=today + WARNED_BEFORE,
    ).select_related("person__organisation", "organisation", "entered_by")
    for row in ending[:AT_ONCE]:
        organisation = row.organisation or row.person.organisation
        people = [
            *([row.person] if row.person else rules.people_of(organisation.pk)),
            *rules.people_with(Capability.APPROVE_MATTERS, organisation.region_id, 0),
            row.entered_by,
        ]
        values = {
            "certificate": row.number,
            "holder": str(row.holder),
            "day": row.valid_to.isoformat(),
        }
        with transaction.atomic():
            if Certificate.objects.filter(pk=row.pk, warned=False).update(warned=True):
                told += len(notices.tell(None, people, "certificate_ends", values))
    return told
