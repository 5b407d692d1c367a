"""Pages of the second factor: the second step of signing in, setting it up, recovery codes."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import login, logout
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import queries, rules, services
from qingjian.apps.accounts import second_factor as codes
from qingjian.apps.accounts.forms import CodeForm, FirstCodeForm
from qingjian.apps.accounts.middleware import WITH_SECOND_FACTOR, address_of
from qingjian.apps.accounts.models import User
from qingjian.contracts.current import now

AWAITED = "awaits_code"
AWAITED_SECONDS = 300
"""How long after the password a code may be given."""
ISSUER = "清鉴 Qingjian"
BACKEND = "django.contrib.auth.backends.ModelBackend"


def ask_for_code(request: HttpRequest, user: User, target: str) -> HttpResponse:
    """Go to the second step: the password was right, nobody is signed in yet."""
    request.session.cycle_key()
    request.session[AWAITED] = {"user": user.pk, "at": now().timestamp(), "target": target}
    return redirect("sign-in-code")


def _awaited(request: HttpRequest) -> tuple[User, str] | None:
    kept = request.session.get(AWAITED)
    if not kept or now().timestamp() - kept["at"] > AWAITED_SECONDS:
        return None
    user = User.objects.filter(pk=kept["user"], is_active=True).first()
    return (user, kept["target"]) if user else None


@never_cache
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """The second step of signing in."""
    awaited = _awaited(request)
    if awaited is None:
        request.session.pop(AWAITED, None)
        return redirect("sign-in")
    user, target = awaited
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if user.locked_until and user.locked_until > now():
            form.add_error(None, services.locked_text())
        elif services.second_factor_holds(user, form.cleaned_data["code"]):
            del request.session[AWAITED]
            login(request, user, backend=BACKEND)
            request.session[WITH_SECOND_FACTOR] = True
            services.signed_in(user, address_of(request))
            _warn_of_few_codes(request, user)
            return redirect(target)
        else:
            services.sign_in_failed(user.username, address_of(request))
            form.add_error("code", _("The code is wrong, or was used already. Wait for the next one."))
    return render(
        request,
        "accounts/sign_in_code.html",
        {"form": form, "person": user},
        status=400 if form.errors else 200,
    )


def _warn_of_few_codes(request: HttpRequest, user: User) -> None:
    left = queries.recovery_codes_left(user)
    if left <= 3:
        messages.warning(
            request,
            ngettext(
                "%(left)d recovery code is left. Make new ones below “Second factor”.",
                "%(left)d recovery codes are left. Make new ones below “Second factor”.",
                left,
            )
            % {"left": left},
        )


@never_cache
def second_factor(request: HttpRequest) -> HttpResponse:
    """State of one's own second factor, or its set-up."""
    factor = queries.second_factor_of(request.user)
    if factor is not None and not request.session.get(WITH_SECOND_FACTOR):
        # Set up in another browser since this one signed in: the code must be given here too.
        logout(request)
        return redirect("sign-in")
    if factor is not None:
        return render(request, "accounts/second_factor.html", _state(request, factor))
    form = FirstCodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.confirm_second_factor(request.user, form.cleaned_data["code"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            request.session.cycle_key()
            request.session[WITH_SECOND_FACTOR] = True
            return _show_codes(request, made)
    secret = services.begin_second_factor(request.user)
    address = codes.address(secret, request.user.username, ISSUER)
    context = {
        "form": form,
        "key": codes.written(secret),
        "address": address,
        "picture": codes.picture(address),
        "required": rules.must_have_second_factor(request.user),
    }
    return render(request, "accounts/second_factor_set_up.html", context)


def _state(request: HttpRequest, factor: Any, form: CodeForm | None = None) -> dict[str, Any]:
    return {
        "factor": factor,
        "left": queries.recovery_codes_left(request.user),
        "required": rules.must_have_second_factor(request.user),
        "form": form or CodeForm(),
    }


def _show_codes(request: HttpRequest, made: list[str]) -> HttpResponse:
    return render(request, "accounts/recovery_codes.html", {"codes": made, "made_at": now()})


@require_POST
@never_cache
def change(request: HttpRequest, what: str) -> HttpResponse:
    """Renew the recovery codes, or give the second factor up; both need a present code."""
    factor = queries.second_factor_of(request.user)
    if what not in ("codes", "remove") or factor is None:
        raise Http404
    form = CodeForm(request.POST)
    locked = request.user.locked_until and request.user.locked_until > now()
    if locked:
        form.add_error(None, services.locked_text())
    elif form.is_valid():
        code = form.cleaned_data["code"]
        try:
            if what == "codes":
                return _show_codes(request, services.renew_recovery_codes(request.user, code))
            services.remove_second_factor(request.user, code)
        except ValidationError as error:
            services.sign_in_failed(request.user.username, address_of(request))
            form.add_error(None, error)
        else:
            request.session.pop(WITH_SECOND_FACTOR, None)
            messages.success(request, _("The second factor is no longer asked for."))
            return redirect("second-factor")
    return render(request, "accounts/second_factor.html", _state(request, factor, form), status=400)


@require_POST
def reset(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget the second factor of somebody who lost telephone and recovery codes."""
    person = get_object_or_404(queries.users_visible_to(request.user), pk=pk)
    try:
        waiting = services.reset_second_factor(request.user, person)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(
            request, waits_text() if waiting else _("Second factor reset. The person sets up a new one.")
        )
    return redirect(reverse("user", args=(pk,)))


def waits_text() -> str:
    """Return what an administrator reads whose reset of another administrator needs a second one."""
    return _("Asked for. It takes effect when a second administrator approves it on the page of this person.")
