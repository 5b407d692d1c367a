"""Who asks: the person of a token, or for reading in a browser the person signed in there."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from ninja.security import APIKeyCookie, HttpBearer

from qingjian.api.errors import ApiError, busy
from qingjian.api.limiting import Limiter
from qingjian.apps.accounts import services
from qingjian.apps.accounts.middleware import address_of, to_settle
from qingjian.apps.accounts.models import User

REQUESTS = Limiter(120, 60)
"""Requests of one token, or of one person in the browser, a minute."""
REFUSALS = Limiter(10, 900)
"""Tokens refused to one address in a quarter of an hour that are told why and stand in the trail."""
WHY = {
    "unknown": ("访问令牌不正确", "this is no access token"),
    "revoked": ("访问令牌已撤销", "the access token has been revoked"),
    "expired": ("访问令牌已过期", "the access token has expired"),
    "closed": ("账号已停用", "the account is closed"),
    "unsettled": (
        "请本人先登录，修改密码或设置第二因素",
        "the person has to sign in first, to change the password or set up the second factor",
    ),
}


def _within_rate(key: str) -> None:
    if waiting := REQUESTS.take(key):
        raise busy(
            waiting,
            f"请求过于频繁，每分钟最多 {REQUESTS.most} 次",
            f"too many requests: at most {REQUESTS.most} a minute",
        )


class Token(HttpBearer):
    """`Authorization: Bearer …` with an access token."""

    def authenticate(self, request: HttpRequest, token: str) -> User:
        address = address_of(request)
        try:
            row = services.use_token(token.strip(), address)
        except services.TokenRefusedError as refused:
            # Only refusals are slowed down: nobody who shares an address with others can lock them out.
            if waiting := REFUSALS.take(address):
                raise busy(
                    waiting,
                    "此地址被拒绝的访问令牌过多，请稍后再试",
                    "too many refused access tokens from this address, come again later",
                    code="too-many-refused",
                ) from refused
            services.token_refused(refused, address)
            zh, en = WHY[refused.why]
            raise ApiError(
                401,
                f"token-{refused.why}",
                zh,
                en,
                headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
            ) from refused
        _within_rate(f"token {row.pk}")
        request.user = row.user
        # The middleware that chose the language did not know this person yet; it takes its choice back at the end.
        offered = {code for code, _name in settings.LANGUAGES}
        translation.activate(row.user.language if row.user.language in offered else settings.LANGUAGE_CODE)
        request.LANGUAGE_CODE = translation.get_language()
        return row.user


class Session(APIKeyCookie):
    """The person signed in in this browser; for reading only, so no other site can make it act."""

    param_name = settings.SESSION_COOKIE_NAME

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        user = request.user
        if request.method not in ("GET", "HEAD") or not user.is_authenticated:
            return None
        if page := to_settle(request):
            raise ApiError(
                403,
                "not-settled",
                "请先在网页上修改密码或设置第二因素",
                "change the password or set up the second factor on the pages first",
                page=f"/{page}/",
            )
        _within_rate(f"person {user.pk}")
        return user


READERS = [Token(), Session()]
PROGRAMS = [Token()]
