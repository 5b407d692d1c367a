"""All writes of accounts."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import password_validation
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from qingjian.apps.accounts import recorded, rules, second_factor, tokens
from qingjian.apps.accounts.models import (
    AccessToken,
    AdministratorReset,
    AuditEvent,
    Organisation,
    Post,
    RecoveryCode,
    Region,
    SecondFactor,
    TwoPersonDecision,
    User,
)
from qingjian.apps.accounts.roles import ROLES, Capability
from qingjian.apps.records import services as records
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now

FAILURES_BEFORE_LOCK = 5
LOCK_TIME = timedelta(minutes=15)
LONGEST_TOKEN = timedelta(days=365)
MOST_TOKENS = 20
"""Tokens a person may have at a time."""
USE_NOTED_AFTER = timedelta(minutes=1)
_PROPOSED = TwoPersonDecision.State.PROPOSED


def record(
    user: Any, action: str, subject: str = "", detail: dict[str, Any] | None = None, address: str = ""
) -> AuditEvent:
    """Add a line to the access trail; one that says a setting was changed enters the ledger with it."""
    person = user if isinstance(user, User) else None
    row = AuditEvent(
        at=now(), user=person, action=action, subject=subject, detail=detail or {}, address=address
    )
    if action not in recorded.SETTINGS:
        row.save()
        return row
    with transaction.atomic():
        row.save()
        records.commit("setting.changed", row.pk, recorded.setting_changed(row))
    return row


def decide(person: Any, row: TwoPersonDecision, version: int, state: str, **more: Any) -> None:
    """Decide what waits, seen in this version; the row then is as stored. Raises ValidationError if somebody was faster."""
    waiting = type(row)._default_manager.filter(pk=row.pk, version=version, state=row.State.PROPOSED)
    if not waiting.update(state=state, decided_by=person, decided_at=now(), version=version + 1, **more):
        raise ValidationError(_("Somebody has decided this in the meantime. Reload the page."))
    row.refresh_from_db()


def sign_in_failed(username: str, address: str) -> None:
    """Count a failed sign-in and lock the account after several."""
    with transaction.atomic():
        user = User.objects.select_for_update().filter(username=username).first()
        if user is None:
            record(None, "session:user:unknown", username[:60], address=address)
            return
        User.objects.filter(pk=user.pk).update(failed_sign_ins=F("failed_sign_ins") + 1)
        user.refresh_from_db()
        if user.failed_sign_ins >= FAILURES_BEFORE_LOCK:
            User.objects.filter(pk=user.pk).update(failed_sign_ins=0, locked_until=now() + LOCK_TIME)
            record(user, "session:user:locked", user.username, address=address)
        else:
            record(user, "session:user:refused", user.username, address=address)


def locked_text() -> str:
    """Return what somebody reads whose account is locked."""
    return _("Too many failed attempts. Try again in 15 minutes or ask the system administrator.")


def signed_in(user: User, address: str) -> None:
    """Reset the failure counter and note the sign-in."""
    User.objects.filter(pk=user.pk).update(failed_sign_ins=0, locked_until=None)
    record(user, "session:user:signed-in", user.username, address=address)


def choose_language(user: User, language: str) -> None:
    """Keep the language a person reads pages in; one that is not offered changes nothing."""
    if language in dict(settings.LANGUAGES):
        user.language = language
        user.save(update_fields=("language",))


def change_password(user: User, new: str) -> None:
    """Set a person's own password after checking its strength."""
    password_validation.validate_password(new, user)
    user.set_password(new)
    user.must_change_password = False
    user.save(update_fields=("password", "must_change_password"))
    record(user, "account:password:changed", user.username)


@transaction.atomic
def begin_second_factor(user: User) -> bytes:
    """Return the secret for a person's authenticator app; it is asked for only after a first code was given."""
    factor = SecondFactor.objects.select_for_update().filter(user=user).first()
    if factor is not None and factor.confirmed_at is not None:
        raise ValidationError(_("A second factor is in use already."))
    kept = second_factor.opened(factor.sealed_secret) if factor is not None else None
    if kept is not None:
        return kept
    secret = second_factor.new_secret()
    SecondFactor.objects.update_or_create(
        user=user, defaults={"sealed_secret": second_factor.sealed(secret), "last_step": 0}
    )
    return secret


@transaction.atomic
def confirm_second_factor(user: User, code: str) -> list[str]:
    """Put the authenticator in use after its first code; returns the recovery codes, shown this once."""
    factor = SecondFactor.objects.select_for_update().filter(user=user, confirmed_at=None).first()
    if factor is None or not _code_holds(factor, code):
        raise ValidationError(
            {"code": _("The code is wrong. Check that the telephone shows the right time and try again.")}
        )
    SecondFactor.objects.filter(pk=factor.pk).update(confirmed_at=now())
    record(user, "account:second-factor:set-up", user.username)
    return _fresh_recovery_codes(user)


def _code_holds(factor: SecondFactor, code: str) -> bool:
    secret = second_factor.opened(factor.sealed_secret)
    if secret is None:
        return False
    step = second_factor.matching_step(secret, code, now(), factor.last_step)
    if step is None:
        return False
    # Conditional, so that of two requests with the same code one is refused.
    return bool(SecondFactor.objects.filter(pk=factor.pk, last_step=factor.last_step).update(last_step=step))


def _fresh_recovery_codes(user: User) -> list[str]:
    codes = second_factor.new_recovery_codes()
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, digest=second_factor.recovery_digest(code)) for code in codes
    )
    return codes


@transaction.atomic
def second_factor_holds(user: User, code: str) -> bool:
    """Say whether a code of the app, or a recovery code not used yet, was given; either holds once."""
    factor = SecondFactor.objects.select_for_update().filter(user=user).exclude(confirmed_at=None).first()
    if factor is None:
        return False
    if _code_holds(factor, code):
        return True
    used = RecoveryCode.objects.filter(
        user=user, digest=second_factor.recovery_digest(code), used_at=None
    ).update(used_at=now())
    if used:
        record(user, "account:recovery-code:used", user.username)
    return bool(used)


@transaction.atomic
def renew_recovery_codes(user: User, code: str) -> list[str]:
    """Replace all recovery codes of a person who gives a present code."""
    _require_code(user, code)
    record(user, "account:recovery-codes:renewed", user.username)
    return _fresh_recovery_codes(user)


@transaction.atomic
def remove_second_factor(user: User, code: str) -> None:
    """Give up one's own second factor, unless the policy of the node asks for it."""
    if rules.must_have_second_factor(user):
        raise ValidationError(_("The policy of this node asks for a second factor for your posts."))
    _require_code(user, code)
    _forget_second_factor(user)
    record(user, "account:second-factor:removed", user.username)


@transaction.atomic
def reset_second_factor(author: Any, user: User) -> AdministratorReset | None:
    """Forget the second factor of somebody who lost telephone and recovery codes.

    For an administrator it waits for a second administrator; the request then is returned.
    """
    rules.require_manage(author, user)
    if author == user:
        raise ValidationError(_("Nobody resets their own second factor."))
    if rules.is_administrator(user):
        return _ask_for_reset(author, user, AdministratorReset.What.SECOND_FACTOR)
    _forget_second_factor(user)
    record(author, "account:second-factor:reset", user.username)
    return None


def _require_code(user: User, code: str) -> None:
    if not second_factor_holds(user, code):
        raise ValidationError({"code": _("The code is wrong, or was used already. Wait for the next one.")})


def _forget_second_factor(user: User) -> None:
    SecondFactor.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()


@transaction.atomic
def reset_password(author: Any, user: User, password: str) -> AdministratorReset | None:
    """Set a first password for somebody who forgot theirs; it must be changed at the next sign-in.

    For an administrator it waits for a second administrator; the request then is returned.
    """
    rules.require_manage(author, user)
    if author == user:
        raise ValidationError(_("Change your own password on its own page."))
    password_validation.validate_password(password, user)
    stored = make_password(password)
    if rules.is_administrator(user):
        return _ask_for_reset(author, user, AdministratorReset.What.PASSWORD, stored)
    _set_first_password(author, user, stored)
    record(author, "account:password:reset", user.username)
    return None


def _set_first_password(author: Any, user: User, stored: str) -> None:
    _revoke_all(author, user)
    user.password = stored
    user.must_change_password = True
    user.failed_sign_ins, user.locked_until = 0, None
    user.save(update_fields=("password", "must_change_password", "failed_sign_ins", "locked_until"))


def _ask_for_reset(author: Any, user: User, what: str, stored: str = "") -> AdministratorReset:
    """Keep what one administrator wants done to another; a newer request takes the place of an older one."""
    for older in AdministratorReset.objects.filter(user=user, what=what, state=_PROPOSED):
        decide(author, older, older.version, AdministratorReset.State.WITHDRAWN, password="")
    row = AdministratorReset.objects.create(
        author=author, user=user, what=what, password=stored, created_at=now()
    )
    record(author, "account:reset:asked", user.username, {"what": str(what)})
    return row


@transaction.atomic
def approve_reset(person: Any, row: AdministratorReset, version: int) -> None:
    """Carry out what another administrator asked for."""
    _require_second(person, row)
    rules.require_manage(row.author, row.user)
    stored = row.password
    decide(person, row, version, AdministratorReset.State.APPROVED, password="")
    user = User.objects.select_for_update().get(pk=row.user_id)
    detail = {"asked_by": row.author.username}
    if row.what == AdministratorReset.What.PASSWORD:
        _set_first_password(person, user, stored)
        record(person, "account:password:reset", user.username, detail)
    else:
        _forget_second_factor(user)
        record(person, "account:second-factor:reset", user.username, detail)


@transaction.atomic
def refuse_reset(person: Any, row: AdministratorReset, version: int) -> None:
    """Refuse what another administrator asked for, or take one's own request back."""
    own = person.pk == row.author_id
    if not own:
        _require_second(person, row)
    states = AdministratorReset.State
    decide(person, row, version, states.WITHDRAWN if own else states.REJECTED, password="")
    record(person, "account:reset:refused", row.user.username, {"what": row.what})


def _require_second(person: Any, row: AdministratorReset) -> None:
    if not rules.may_decide_reset(person, row):
        raise PermissionDenied(
            _("A second administrator decides this: neither who asked for it nor whose account it is.")
        )


@transaction.atomic
def make_token(user: User, name: str, last_day: date) -> tuple[AccessToken, str]:
    """Make a token with which a program reads in a person's name up to a day; its text is returned this once."""
    today = rules.today()
    if not today <= last_day <= today + LONGEST_TOKEN:
        raise ValidationError(
            {"last_day": _("A token ends today at the earliest and after a year at the latest.")}
        )
    User.objects.select_for_update().get(pk=user.pk)
    alive = AccessToken.objects.filter(user=user, revoked_at=None, expires_at__gt=now())
    if alive.count() >= MOST_TOKENS:
        raise ValidationError(
            _("You have %(most)d tokens that still hold. Revoke one that is no longer used.")
            % {"most": MOST_TOKENS}
        )
    text = tokens.new_token()
    row = AccessToken.objects.create(
        user=user,
        name=name,
        digest=tokens.digest(text),
        hint=tokens.hint(text),
        made_at=now(),
        expires_at=datetime.combine(last_day + timedelta(days=1), time(), CHINA),
    )
    record(user, "account:token:made", user.username, _of_token(row))
    return row, text


def _of_token(row: AccessToken) -> dict[str, str]:
    return {"token": row.name, "begins": row.hint, "expires": row.expires_at.astimezone(CHINA).isoformat()}


@transaction.atomic
def revoke_token(author: Any, row: AccessToken) -> None:
    """End a token at once: the own one, or as an administrator of the account."""
    if not rules.may_revoke_tokens(author, row.user):
        raise PermissionDenied(_("Only the person and the administrators of the account revoke a token."))
    if not AccessToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=now(), revoked_by=author):
        raise ValidationError(_("This token has been revoked already."))
    record(author, "account:token:revoked", row.user.username, _of_token(row))


def _revoke_all(author: Any, user: User) -> None:
    """End what opens the account without a password: it was closed, or its password is no longer the person's own."""
    for row in AccessToken.objects.filter(user=user, revoked_at=None, expires_at__gt=now()):
        AccessToken.objects.filter(pk=row.pk).update(revoked_at=now(), revoked_by=author)
        record(author, "account:token:revoked", user.username, _of_token(row))


class TokenRefusedError(Exception):
    """A token that opens nothing. `why`: unknown, revoked, expired, closed, or unsettled.

    Unsettled: the person has to choose a password or set up a second factor first.
    """

    def __init__(self, why: str, token: AccessToken | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.token = token


def use_token(text: str, address: str) -> AccessToken:
    """Return the token a text is, and note its use once a minute. Raises TokenRefusedError."""
    row = (
        AccessToken.objects.select_related("user__organisation").filter(digest=tokens.digest(text)).first()
        if tokens.is_token(text)
        else None
    )
    if row is None:
        raise TokenRefusedError("unknown")
    if row.revoked_at is not None:
        raise TokenRefusedError("revoked", row)
    if row.expires_at <= now():
        raise TokenRefusedError("expired", row)
    if not row.user.is_active:
        raise TokenRefusedError("closed", row)
    if row.user.must_change_password or (
        rules.must_have_second_factor(row.user)
        and not SecondFactor.objects.filter(user=row.user).exclude(confirmed_at=None).exists()
    ):
        raise TokenRefusedError("unsettled", row)
    if row.last_used_at is None or now() - row.last_used_at >= USE_NOTED_AFTER:
        elsewhere = address != row.last_used_from
        AccessToken.objects.filter(pk=row.pk).update(last_used_at=now(), last_used_from=address[:60])
        if elsewhere:
            record(row.user, "session:token:used", row.user.username, _of_token(row), address)
    return row


def token_refused(refused: TokenRefusedError, address: str) -> None:
    """Note in the access trail that a token was refused; who calls limits how often."""
    row = refused.token
    detail = {"why": refused.why, **(_of_token(row) if row else {})}
    record(
        row.user if row else None, "session:token:refused", row.user.username if row else "", detail, address
    )


@transaction.atomic
def add_user(
    author: Any, *, username: str, name: str, organisation: Organisation, password: str, **fields: Any
) -> User:
    """Create an account; posts are given separately by the security administrator."""
    rules.require(author, Capability.MANAGE_USERS)
    if User.objects.filter(username=username).exists():
        raise ValidationError({"username": _("This login name is taken.")})
    password_validation.validate_password(password)
    user = User.objects.create_user(
        username, name, password, organisation=organisation, must_change_password=True, **fields
    )
    record(author, "account:user:added", username)
    return user


@transaction.atomic
def set_active(author: Any, user: User, active: bool) -> None:
    """Open or close an account; rows are never deleted."""
    rules.require_manage(author, user)
    if author == user:
        raise ValidationError(_("Nobody opens or closes their own account."))
    if not active:
        _revoke_all(author, user)
    User.objects.filter(pk=user.pk).update(is_active=active, locked_until=None, failed_sign_ins=0)
    record(author, "account:user:opened" if active else "account:user:closed", user.username)


@transaction.atomic
def give_post(
    author: Any,
    user: User,
    role: str,
    organisation: Organisation,
    region: Region,
    valid_from: date,
    valid_to: date | None = None,
) -> Post:
    """Give a role to a person; the three administrators stay separate."""
    rules.require(author, Capability.MANAGE_POSTS)
    if role in ROLES:
        regions = rules.post_regions(role, organisation, region.pk)
        rules.require_in(author, Capability.MANAGE_POSTS, regions)
    if author == user:
        raise ValidationError(_("Nobody gives a post to themselves."))
    return place_post(user, role, organisation, region, valid_from, valid_to, author)


def place_post(
    user: User,
    role: str,
    organisation: Organisation,
    region: Region,
    valid_from: date,
    valid_to: date | None = None,
    author: Any = None,
) -> Post:
    """Store a post after the checks that hold for everybody, the installer included."""
    if role not in ROLES:
        raise ValidationError({"role": _("Unknown role.")})
    if valid_to is not None and valid_to <= valid_from:
        raise ValidationError({"valid_to": _("The end must lie after the beginning.")})
    overlapping = {
        post.role
        for post in Post.objects.filter(user=user).exclude(valid_to=F("valid_from"))
        if (post.valid_to is None or post.valid_to > valid_from)
        and (valid_to is None or post.valid_from < valid_to)
    }
    if rules.conflicting_roles(overlapping, role):
        raise ValidationError(
            {
                "role": _(
                    "System, security and audit administrators must be three different people without other roles."
                )
            }
        )
    with transaction.atomic():
        post = Post.objects.create(
            user=user,
            role=role,
            organisation=organisation,
            region=region,
            valid_from=valid_from,
            valid_to=valid_to,
        )
        record(author, "account:post:given", user.username, {"role": role, "region": region.code})
        content = {
            **recorded.named("actor", author),
            **recorded.post_given(post),
            "to": valid_to.isoformat() if valid_to else None,
        }
        records.commit("post.given", post.pk, content)
    return post


@transaction.atomic
def end_post(author: Any, post: Post, last_day_excluded: date) -> None:
    """End a post from a day on, never later than it ends already.

    A post ended on its first day or before it is taken back: it ends where it begins and never counts.
    """
    post = Post.objects.select_for_update().select_related("user", "organisation").get(pk=post.pk)
    regions = rules.post_regions(post.role, post.organisation, post.region_id)
    rules.require_in(author, Capability.MANAGE_POSTS, regions)
    end = max(last_day_excluded, post.valid_from)
    if post.valid_to is not None and post.valid_to <= end:
        raise ValidationError(
            _("This post ends on %(day)s already. Its end is never moved to a later day; give a new post.")
            % {"day": post.valid_to.isoformat()}
        )
    Post.objects.filter(pk=post.pk).update(valid_to=end)
    record(author, "account:post:ended", post.user.username, {"role": post.role})
    post.refresh_from_db()
    records.commit("post.ended", post.pk, {**recorded.named("actor", author), **recorded.post_ended(post)})
