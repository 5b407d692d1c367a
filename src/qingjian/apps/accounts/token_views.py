"""Pages of access tokens: one's own, a new one shown once, and revoking."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import queries, rules, services
from qingjian.apps.accounts.forms import TokenForm
from qingjian.apps.accounts.middleware import address_of
from qingjian.apps.accounts.models import AccessToken, User
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.ui.listing import workbook_response

USUAL = timedelta(days=90)


def shown(rows: Iterable[AccessToken]) -> list[dict[str, Any]]:
    """Return tokens with their state for a list."""
    moment = now()
    found = []
    for row in rows:
        if row.revoked_at is not None:
            state, colour = _("Revoked"), "secondary"
        elif row.expires_at <= moment:
            state, colour = _("Expired"), "secondary"
        else:
            state, colour = _("In use"), "green"
        found.append(
            {
                "row": row,
                "state": state,
                "colour": colour,
                "holds": colour == "green",
                "last_day": row.expires_at.astimezone(CHINA).date() - timedelta(days=1),
            }
        )
    return found


def _cells(one: dict[str, Any]) -> list[Any]:
    row = one["row"]
    return [
        row.name,
        row.hint,
        row.made_at,
        one["last_day"],
        row.last_used_at,
        row.last_used_from,
        one["state"],
    ]


@never_cache
def tokens(request: HttpRequest) -> HttpResponse:
    """One's own tokens, and the form for a new one; its text is on the answer to the form and nowhere else."""
    form = TokenForm(request.POST or None, initial={"last_day": rules.today() + USUAL})
    if request.method == "POST" and form.is_valid() and (made := _made(request, form)):
        row, text = made
        return render(request, "accounts/access_token.html", {"token": row, "text": text})
    own = shown(queries.tokens_visible_to(request.user, request.user))
    if request.GET.get("export") == "xlsx":
        heads = [
            _("Name"),
            _("Begins with"),
            _("Made at"),
            _("Last day"),
            _("Last used"),
            _("Used from"),
            _("State"),
        ]
        return workbook_response("access-tokens", heads, map(_cells, own))
    return render(
        request,
        "accounts/access_tokens.html",
        {"form": form, "tokens": own},
        status=400 if form.errors else 200,
    )


def _made(request: HttpRequest, form: TokenForm) -> tuple[AccessToken, str] | None:
    user = request.user
    if user.locked_until and user.locked_until > now():
        form.add_error(None, services.locked_text())
        return None
    if not user.check_password(form.cleaned_data["password"]):
        services.sign_in_failed(user.username, address_of(request))
        form.add_error("password", _("The present password is wrong."))
        return None
    try:
        return services.make_token(user, form.cleaned_data["name"], form.cleaned_data["last_day"])
    except ValidationError as error:
        form.add_error(None, error)
        return None


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    people = User.objects.filter(pk=request.user.pk) | queries.users_visible_to(request.user)
    row = get_object_or_404(AccessToken.objects.select_related("user").filter(user__in=people), pk=pk)
    try:
        services.revoke_token(request.user, row)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Token revoked. Programs that use it are refused from now on."))
    return redirect("access-tokens") if row.user == request.user else redirect("user", row.user_id)
