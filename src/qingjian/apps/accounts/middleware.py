"""Every page needs a signed-in person, except those that say otherwise."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect

from qingjian.apps.accounts import rules

WITH_SECOND_FACTOR = "second_factor"
"""Key in the session of somebody who has given a code."""
OPEN_PREFIXES = ("/login/", "/i18n/", "/static/", "/health", "/public/", "/ledger/", "/witness/", "/api/v1/")


"""Below /api/v1/ every operation but the description asks for a token or a session itself, and answers in JSON."""


def address_of(request: HttpRequest) -> str:
    """Return where a request came from, as far as the web server says."""
    return request.META.get("REMOTE_ADDR", "") or ""


def to_settle(request: HttpRequest) -> str:
    """Return the page a signed-in person has to settle before any other, empty when there is none."""
    if request.user.must_change_password:
        return "password"
    if not request.session.get(WITH_SECOND_FACTOR) and rules.must_have_second_factor(request.user):
        return "second-factor"
    return ""


class SignInRequired:
    """Default deny: a view is reachable without signing in only below one of the open prefixes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(OPEN_PREFIXES):
            return self.get_response(request)
        if not request.user.is_authenticated:
            target = f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}"
            if request.headers.get("HX-Request"):
                return HttpResponse(status=204, headers={"HX-Redirect": target})
            if request.headers.get("Accept", "").startswith(("application/json", "text/event-stream")):
                return HttpResponse(status=401)
            return HttpResponseRedirect(target)
        if request.method not in ("GET", "HEAD"):
            return self._answer(request)
        with rules.reading_once():
            return self._answer(request)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        page = to_settle(request)
        # Templates leave the live stream out while nothing else is open to the person.
        request.confined = bool(page)
        if page and request.path not in (f"/{page}/", "/password/", "/logout/"):
            return redirect(page)
        return self.get_response(request)
