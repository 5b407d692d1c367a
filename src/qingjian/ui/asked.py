"""What the address of a page asks for: a year, a month, a day, a moment, one of several ways. What cannot be is refused and said."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime

from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

EARLIEST, LATEST = 1970, 2100
"""Years a page can be about; far beyond them neither the databases nor the calendars count."""


def one_of(request: HttpRequest, name: str, ways: Collection[str], usual: str) -> str:
    """Return one of several ways, the usual one when none is asked for. Raises BadRequest for any other."""
    wanted = request.GET.get(name) or usual
    if wanted not in ways:
        raise BadRequest(
            _("“%(name)s” is one of: %(ways)s.") % {"name": name, "ways": ", ".join(sorted(ways))}
        )
    return wanted


def year(request: HttpRequest, usual: int) -> int:
    """Return the year asked for. Raises BadRequest for what is no year of this time."""
    try:
        wanted = int(request.GET.get("year") or usual)
    except ValueError as error:
        raise BadRequest(_("A year is a number.")) from error
    _within(wanted)
    return wanted


def month(request: HttpRequest, usual: date | None) -> date | None:
    """Return the first day of the month asked for. Raises BadRequest for what is none."""
    text = request.GET.get("month")
    if not text:
        return usual
    try:
        wanted = date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise BadRequest(_("A month is written 2026-01.")) from error
    _within(wanted.year)
    return wanted


def day(request: HttpRequest, name: str) -> date | None:
    """Return the day asked for under a name, None when none is. Raises BadRequest for what is none."""
    text = request.GET.get(name)
    if not text:
        return None
    try:
        wanted = date.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(_("A day is written like 2026-01-31.")) from error
    _within(wanted.year)
    return wanted


def moment(request: HttpRequest, name: str) -> datetime | None:
    """Return the moment asked for under a name in UTC, None when none is; without a zone it is local time. Raises BadRequest."""
    text = request.GET.get(name)
    if not text:
        return None
    try:
        wanted = parse_datetime(text)
    except ValueError:
        wanted = None
    if wanted is None:
        raise BadRequest(_("A time is written like 2026-01-31T08:00."))
    _within(wanted.year)
    return (timezone.make_aware(wanted) if timezone.is_naive(wanted) else wanted).astimezone(UTC)


def _within(number: int) -> None:
    if not EARLIEST <= number <= LATEST:
        raise BadRequest(
            _("A year lies between %(first)d and %(last)d.") % {"first": EARLIEST, "last": LATEST}
        )
