"""What every answer carries: a content security policy and the language of the reader; what no address may hold."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _


def _policy() -> str:
    tiles = urlsplit(settings.CONFIGURATION.map_tiles)
    images = f" {tiles.scheme}://{tiles.netloc}" if tiles.netloc else ""
    return (
        "default-src 'self'; script-src 'self'; style-src 'self'; "
        f"img-src 'self' data: blob:{images}; font-src 'self' data:; connect-src 'self'{images}; "
        "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


class ContentSecurityPolicy:
    """Scripts and styles come from this site only, never inline, never evaluated."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = _policy()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        return response


class NoNullCharacter:
    """Refuse an address that holds a null character: no text has one, and PostgreSQL fails on it.

    Stands after the language and the policy, so that the refusal carries both. Forms refuse it themselves.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest(_("The address holds a character that no text has."))
        return self.get_response(request)


class ChosenLanguage:
    """Show pages in the language the person chose, else in the office's own.

    The browser's header is not asked: office computers are often set up in English for people who read Chinese.
    Stands after authentication. A signed-in person's choice goes before the cookie the last person left.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.offered = {code for code, _ in settings.LANGUAGES}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with translation.override(self._language(request)):
            request.LANGUAGE_CODE = translation.get_language()
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", request.LANGUAGE_CODE)
        return response

    def _language(self, request: HttpRequest) -> str:
        usual: str = settings.LANGUAGE_CODE
        chosen: tuple[str, ...] = (
            getattr(request.user, "language", ""),
            request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""),
        )
        return next((one for one in chosen if one in self.offered), usual)
