"""Signatures (谁签字谁负责): in order, personal, over the digest of exactly the file that was shown."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from qingjian.apps.accounts import queries as account_queries
from qingjian.apps.accounts import services as accounts
from qingjian.apps.matters import queries, rules
from qingjian.apps.matters.errors import NotAllowed, RefusedError
from qingjian.apps.matters.models import Matter, SignOff, SignSheet
from qingjian.apps.matters.services import files, notices, sheets
from qingjian.apps.matters.services.steps import take_by_sheet
from qingjian.apps.matters.services.trail import Acting
from qingjian.contracts.current import now


def authenticate(actor: Any, password: str, code: str) -> None:
    """Ask for the password again, and for a code where a second factor is set up; failures count towards the lock."""
    if actor.locked_until and actor.locked_until > now():
        raise NotAllowed(
            _("Too many failed attempts. Try again in 15 minutes or ask the system administrator.")
        )
    if not actor.check_password(password or ""):
        accounts.sign_in_failed(actor.username, "signature")
        actor.refresh_from_db()
        raise RefusedError("signature", _("The password is wrong: nothing was signed."))
    if account_queries.second_factor_of(actor) is not None and not accounts.second_factor_holds(actor, code):
        accounts.sign_in_failed(actor.username, "signature")
        actor.refresh_from_db()
        raise RefusedError("signature", _("The code of the second factor is wrong: nothing was signed."))


def _current(matter: Matter, digest: str) -> SignSheet:
    sheet = matter.sheets.filter(state=SignSheet.State.OPEN).select_related("document").last()
    if sheet is None:
        raise RefusedError("signature", _("Nothing waits for a signature."))
    if sheet.digest != digest:
        raise RefusedError(
            "signature", _("The document is not the one you were shown. Look at it again before you sign.")
        )
    if files.digest_of(sheet.digest) != sheet.digest:
        raise RefusedError(
            "signature",
            _(
                "The stored document does not match its digest. It cannot be signed; tell the system administrator."
            ),
        )
    sheet.matter = matter
    return sheet


def prepare_signature(matter: Matter, actor: Any, data: dict[str, Any]) -> Any:
    """Re-authenticate before the transaction begins."""
    authenticate(actor, str(data.get("password", "")), str(data.get("second_factor_code", "")))
    return None


def sign(acting: Acting) -> None:
    """Sign the next slot; the last signature takes the action the sheet declares."""
    sheet = _current(acting.matter, str(acting.data.get("digest", "")))
    slot = queries.next_slot(sheet)
    verdict = queries.may_sign(acting.actor, sheet, slot)
    if not verdict.allowed:
        raise NotAllowed(verdict.reason)
    role = rules.role_at(acting.actor, slot.who.capability, acting.matter)
    done = sheet.signatures.filter(refused=False).exclude(slot="outsider").count()
    row = SignOff.objects.create(
        sheet=sheet,
        slot=slot.code,
        order=done + 1,
        signer=acting.actor,
        role=role,
        certificate=verdict.certificate,
        at=now(),
        digest=sheet.digest,
    )
    acting.data = {
        "sign_off": row.pk,
        "sheet": sheet.code,
        "slot": slot.code,
        "digest": sheet.digest,
        "role": role,
        "certificate": verdict.certificate,
        "document": sheet.document.number,
    }
    acting.verdict = verdict
    acting.prepared = sheet


def after_signing(acting: Acting, trail: Any) -> None:
    sheet: SignSheet = acting.prepared
    kind = acting.matter.declaration.sheet(sheet.code)
    done = sheet.signatures.filter(refused=False).exclude(slot="outsider").count()
    if done < len(kind.signers):
        acting.matter.waiting = sheets.waits(kind, done, acting.matter)
        notices.tell(
            acting.matter,
            notices.waited_for(acting.matter),
            "signature",
            {"sheet": sheet.code},
            except_for=acting.actor,
        )
        return
    SignSheet.objects.filter(pk=sheet.pk).update(state=SignSheet.State.COMPLETE)
    take_by_sheet(acting, kind.completion(acting.matter.data))


def refuse(acting: Acting) -> None:
    """Refuse to sign, with a reason; the matter goes back."""
    reason = str(acting.data.get("reason", "")).strip()
    if not reason:
        raise RefusedError("signature", _("Give a reason for refusing to sign."))
    sheet = _current(acting.matter, str(acting.data.get("digest", "")))
    slot = queries.next_slot(sheet)
    verdict = queries.may_sign(acting.actor, sheet, slot)
    if not verdict.allowed:
        raise NotAllowed(verdict.reason)
    role = rules.role_at(acting.actor, slot.who.capability, acting.matter)
    order = sheet.signatures.count() + 1
    row = SignOff.objects.create(
        sheet=sheet,
        slot=slot.code,
        order=order,
        signer=acting.actor,
        role=role,
        certificate=verdict.certificate,
        at=now(),
        digest=sheet.digest,
        refused=True,
        reason=reason[:300],
    )
    acting.data = {
        "sign_off": row.pk,
        "sheet": sheet.code,
        "slot": slot.code,
        "digest": sheet.digest,
        "role": role,
        "document": sheet.document.number,
    }
    acting.note = reason
    acting.verdict = verdict
    acting.prepared = sheet


def after_refusing(acting: Acting, trail: Any) -> None:
    sheet: SignSheet = acting.prepared
    SignSheet.objects.filter(pk=sheet.pk).update(state=SignSheet.State.REFUSED)
    take_by_sheet(acting, acting.matter.declaration.sheet(sheet.code).returns, acting.note)
    notices.tell(
        acting.matter,
        notices.in_charge(acting.matter),
        "returned",
        {"note": acting.note},
        except_for=acting.actor,
    )


def prepare_outsider(matter: Matter, actor: Any, data: dict[str, Any]) -> Any:
    """Store the drawing before the transaction; it must be a small PNG that is not empty. A refusal has none."""
    return None if data.get("refused") else files.store_drawing(str(data.get("drawing", "")))


def sign_outsider(acting: Acting) -> None:
    """Keep the signature a person without an account drew on the officer's screen, or that the person refused to sign.

    The officer is the witness of either.
    """
    sheet = _current(acting.matter, str(acting.data.get("digest", "")))
    name = str(acting.data.get("outsider_name", "")).strip()
    capacity = str(acting.data.get("outsider_capacity", "")).strip()
    if not name or not capacity:
        raise RefusedError("signature", _("Write who signs and in what capacity."))
    reason = str(acting.data.get("reason", "")).strip()
    refused = acting.prepared is None
    if refused and not reason:
        raise RefusedError("signature", _("Write the reason the person gave, or that none was given."))
    verdict = rules.may(acting.actor, queries.next_slot(sheet).who, acting.matter)
    if not verdict.allowed:
        raise NotAllowed(verdict.reason)
    row = SignOff.objects.create(
        sheet=sheet,
        slot="outsider",
        order=0,
        signer=acting.actor,
        role="",
        at=now(),
        digest=sheet.digest,
        outsider_name=name[:60],
        outsider_capacity=capacity[:120],
        drawing=acting.prepared,
        refused=refused,
        reason=reason[:300] if refused else "",
    )
    acting.data = {
        "sign_off": row.pk,
        "sheet": sheet.code,
        "digest": sheet.digest,
        "document": sheet.document.number,
        "outsider_name": name,
        "outsider_capacity": capacity,
        "drawing": "" if refused else acting.prepared.digest,
    }
    acting.note = reason if refused else ""
    acting.verdict = verdict
