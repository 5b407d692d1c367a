"""All writes of the log books: file entries, row by row or not at all, and strike out wrong ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import queries as network
from qingjian.apps.network import registered
from qingjian.apps.network.checking import Proposal, ProposalError, RowError, is_digest
from qingjian.apps.network.registered import Kind
from qingjian.apps.observing import log_books, recorded
from qingjian.apps.observing.log_books import Entry, Filing, MaterialUse
from qingjian.apps.records import services as records
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now

MOST_ROWS = 5_000
"""Rows of one filing: they are one event of the ledger."""
Problems = list[tuple[str, str]]


def file(
    author: Any, book: Kind, rows: Iterable[Proposal], file_name: str = "", *, simulated: bool = False
) -> Filing:
    """Store entries of a log book; ProposalError lists every wrong row, and then nothing is stored."""
    rows = list(rows)
    if len(rows) > MOST_ROWS:
        raise ValidationError(_("More than %(most)d rows. Split the file.") % {"most": MOST_ROWS})
    reach = _Reach(author)
    errors: list[RowError] = []
    made: list[Entry] = []
    seen: dict[tuple[Any, ...], int] = {}
    with transaction.atomic():
        filing = Filing.objects.create(book=book.name, author=author, at=now(), file_name=file_name[:200])
        for place, row in enumerate(rows, start=1):
            number = row.row or place
            values, wrong = _typed(book, row, number)
            if values is not None:
                wrong = [
                    RowError(number, book.field_title(name), message)
                    for name, message in _problems(book, values, made, seen, number, reach)
                ]
            errors += wrong
            if values is not None and not wrong:
                made.append(book.model(filing=filing, simulated=simulated, **values))
        if errors:
            raise ProposalError(errors)
        if not made:
            raise ValidationError(_("The file has a head but no rows."))
        book.model._default_manager.bulk_create(made)
        records.commit("log-book.filed", filing.pk, recorded.filing(filing))
        accounts.record(author, "log-book:filed", str(filing.pk), {"book": book.name, "rows": len(made)})
    return filing


class _Reach:
    """Where a person may file: points within the posts, or run for the own organisation; outlets likewise."""

    def __init__(self, author: Any) -> None:
        self._scope = account_rules.scope(author, Capability.HANDLE_MATTERS)
        self._points = set(
            network.points_visible_to(author, Capability.HANDLE_MATTERS).values_list("pk", "outlet_id")
        )

    def holds(self, values: dict[str, Any]) -> bool:
        outlet = values.get("outlet")
        if outlet is not None:
            source = outlet.source
            return self._scope.reaches(source.region_id, source.organisation_id) or any(
                own == outlet.pk for _point, own in self._points
            )
        held = values.get("device") or values.get("instrument")
        return any(point == held.point_id for point, _outlet in self._points)


def _typed(book: Kind, row: Proposal, number: int) -> tuple[dict[str, Any] | None, list[RowError]]:
    errors = [
        RowError(number, name, _("is not a column of this table"))
        for name in sorted(set(row.fields) - set(book.fields))
    ]
    values: dict[str, Any] = {}
    for name in book.fields:
        try:
            values[name] = registered.typed(book, name, row.fields.get(name))
        except ValidationError as error:
            errors.append(RowError(number, book.field_title(name), " ".join(error.messages)))
    return (None if errors else values), errors


def _problems(
    book: Kind,
    values: dict[str, Any],
    made: list[Entry],
    seen: dict[tuple[Any, ...], int],
    number: int,
    reach: _Reach,
) -> Problems:
    """Return what speaks against a typed row; one that is good is noted in `seen`."""
    found = _OF_BOOK[book.name](values, made)
    if found:
        return found
    if not reach.holds(values):
        return [(book.fields[0], _("lies outside your posts"))]
    key = tuple(getattr(values[name], "pk", values[name]) for name in book.key)
    if key in seen:
        return [(book.key[0], _("is the same row as row %(row)d") % {"row": seen[key]})]
    known = {name: values[name] for name in book.key}
    if book.model._default_manager.filter(struck_at=None, **known).exists():
        return [(book.key[0], _("was entered before"))]
    seen[key] = number
    return []


def _of_session(values: dict[str, Any], _made: list[Entry]) -> Problems:
    found = []
    if values["end"] is not None and values["end"] < values["start"]:
        found.append(("end", _("must lie after the beginning")))
    if values["start"] > now():
        found.append(("start", _("lies in the future")))
    return found


def _of_software(values: dict[str, Any], _made: list[Entry]) -> Problems:
    found = []
    if (values["device"] is None) is (values["instrument"] is None):
        found.append(("device", _("name either a device or an instrument")))
    if not is_digest(values["digest"]):
        found.append(("digest", _("must be a hash in hexadecimal digits, at least 8 of them")))
    if values["read_at"] > now():
        found.append(("read_at", _("lies in the future")))
    values["digest"] = values["digest"].lower()
    return found


def _of_material(values: dict[str, Any], made: list[Entry]) -> Problems:
    found = []
    first, last = values["first_day"], values["last_day"]
    if last < first:
        found.append(("last_day", _("must lie after the beginning")))
    if last > now().astimezone(CHINA).date():
        found.append(("last_day", _("lies in the future")))
    if values["amount"] < 0:
        found.append(("amount", _("must not be negative")))
    if found:
        return found
    stored = MaterialUse.objects.filter(
        outlet=values["outlet"],
        material=values["material"],
        struck_at=None,
        first_day__lte=last,
        last_day__gte=first,
    )
    in_file = any(
        isinstance(one, MaterialUse)
        and (one.outlet_id, one.material) == (values["outlet"].pk, values["material"])
        and one.first_day <= last
        and first <= one.last_day
        for one in made
    )
    if in_file or stored.exists():
        return [("first_day", _("overlaps with days that are entered already for this material"))]
    return []


_OF_BOOK: dict[str, Callable[[dict[str, Any], list[Entry]], Problems]] = {
    "remote-sessions": _of_session,
    "software-found": _of_software,
    "materials": _of_material,
}


def may_file(user: Any) -> bool:
    """Say whether any post of a person lets it file entries."""
    return account_rules.may(user, Capability.HANDLE_MATTERS)


def may_strike(user: Any, row: Entry) -> bool:
    """Say whether a person may strike out an entry: whoever entered it, or the bureau; never the unit at large."""
    region = place_of(row)[0]
    return row.struck_at is None and (
        row.filing.author_id == user.pk
        or region in account_rules.scope(user, Capability.HANDLE_MATTERS).regions
    )


def place_of(row: Entry) -> tuple[int, int]:
    """Return the keys of region and organisation an entry belongs to."""
    held = row.outlet.source if isinstance(row, MaterialUse) else row.point  # type: ignore[attr-defined]
    return held.region_id, held.organisation_id


def strike(author: Any, book: Kind, row: Entry, reason: str) -> Entry:
    """Strike an entry out with a reason; it stays readable and counts no more."""
    if not may_strike(author, row):
        raise PermissionDenied
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    with transaction.atomic():
        changed = book.model._default_manager.filter(pk=row.pk, struck_at=None).update(
            struck_at=now(), struck_by=author, struck_reason=reason.strip()
        )
        if not changed:
            raise ValidationError(_("Somebody has struck this entry out in the meantime. Reload the page."))
        row.refresh_from_db()
        records.commit(log_books.STRUCK[book.name], row.pk, recorded.struck(book, row))
        accounts.record(author, "log-book:struck", f"{book.name} {row.pk}", {"reason": reason.strip()})
    return row
