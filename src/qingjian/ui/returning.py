"""Where a page leads back to, when the request names it."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def own_address(request: HttpRequest, wanted: str, otherwise: str = "/") -> str:
    """Return `wanted` if it is an absolute path or address of this site, else `otherwise`.

    A bare word is refused too: a redirect would take it for the name of a page.
    """
    allowed = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if allowed and "/" in wanted else otherwise
