"""Pages of the log books: list, entries by form or file, one entry, striking out."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.network import files
from qingjian.apps.network import queries as network
from qingjian.apps.network.checking import Proposal, ProposalError, RowError
from qingjian.apps.network.registered import Kind
from qingjian.apps.observing import filing, queries
from qingjian.apps.observing.forms import LogBookForm, StrikeForm
from qingjian.apps.observing.log_book_tables import AGAINST, HELP, LISTINGS, remark
from qingjian.apps.observing.log_books import BOOKS
from qingjian.ui.listing import workbook_response


def _book(name: str) -> Kind:
    if name not in BOOKS:
        raise Http404
    return BOOKS[name]


def _context(request: HttpRequest, book: Kind) -> dict[str, Any]:
    return {
        "book": book.name,
        "books": [(name, listing.title) for name, listing in LISTINGS.items()],
        "help": HELP[book.name],
        "may_file": filing.may_file(request.user),
    }


def log_book(request: HttpRequest, name: str) -> HttpResponse:
    """The entries of one log book."""
    book = _book(name)
    rows = queries.entries_visible_to(request.user, book)
    return LISTINGS[name](request, rows).response(_context(request, book))


def enter(request: HttpRequest, name: str) -> HttpResponse:
    """Enter one entry by hand, or a file of them; a file with a wrong row is not stored at all."""
    book = _book(name)
    if not filing.may_file(request.user):
        raise PermissionDenied
    form = LogBookForm(book, offered=lambda kind: _offered(request, kind))
    errors: tuple[RowError, ...] = ()
    if request.method == "POST" and "file" in request.FILES:
        uploaded = request.FILES["file"]
        try:
            rows = files.read(book, uploaded.name, uploaded.read())
            return _filed(request, book, rows, uploaded.name)
        except ProposalError as error:
            errors = error.rows
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
    elif request.method == "POST" and "by_file" in request.POST:
        messages.error(request, _("Choose a file first."))
    elif request.method == "POST":
        form = LogBookForm(book, request.POST, offered=lambda kind: _offered(request, kind))
        if form.is_valid():
            try:
                return _filed(request, book, [Proposal(book.name, form.cleaned_data)], "")
            except ProposalError as error:
                for one in error.rows:
                    form.add_error(None, f"{one.field} {one.message}")
            except ValidationError as error:
                form.add_error(None, error)
    context = {
        **_context(request, book),
        "title": _("Enter: %(book)s") % {"book": LISTINGS[name].title},
        "form": form,
        "errors": errors,
    }
    return render(request, "observing/log_book_enter.html", context)


def _filed(request: HttpRequest, book: Kind, rows: list[Proposal], name: str) -> HttpResponse:
    made = filing.file(request.user, book, rows, name)
    count = queries.entries_of(made).count()
    messages.success(request, _("%(count)d entries stored.") % {"count": count})
    return redirect("log-book", book.name)


def _offered(request: HttpRequest, kind: Kind) -> Any:
    if kind.name == "device":
        return network.devices_visible_to(request.user)
    if kind.name == "instrument":
        return network.instruments_visible_to(request.user)
    return network.outlets_visible_to(request.user)


def template(request: HttpRequest, name: str) -> HttpResponse:
    """Download an empty template."""
    book = _book(name)
    return workbook_response(f"qingjian-{name}", files.heads(book), [])


def entry(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """One entry with who entered it, and, for whoever may, striking it out."""
    book = _book(name)
    row = get_object_or_404(queries.entries_visible_to(request.user, book), pk=pk)
    facts = []
    for field in book.fields:
        shown = getattr(row, f"get_{field}_display", None)
        facts.append((book.field_title(field), shown() if shown else getattr(row, field)))
    context = {
        **_context(request, book),
        "title": str(row),
        "listing_title": LISTINGS[name].title,
        "row": row,
        "facts": facts,
        "remark": remark(row),
        "against": AGAINST[row.against] if hasattr(row, "against") else None,
        "form": StrikeForm() if filing.may_strike(request.user, row) else None,
    }
    return render(request, "observing/log_book_entry.html", context)


@require_POST
def strike(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    book = _book(name)
    row = get_object_or_404(queries.entries_visible_to(request.user, book), pk=pk)
    try:
        filing.strike(request.user, book, row, request.POST.get("reason", ""))
        messages.success(request, _("Struck out. The next screening no longer counts it."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("log-book-entry", name, pk)
