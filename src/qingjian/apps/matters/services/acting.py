"""The single entry: open a matter, act on it. One transaction, one version, one line in the trail."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Organisation, Region
from qingjian.apps.matters import forms, gates, rules, wording
from qingjian.apps.matters.declarations import Action, DataField, Process
from qingjian.apps.matters.errors import NotAllowed, RefusedError
from qingjian.apps.matters.models import Matter, MatterLink, NumberSeries, Receipt, TrailEntry
from qingjian.apps.matters.services import clocks, documents, notices, steps
from qingjian.apps.matters.services.kernel import KERNEL
from qingjian.apps.matters.services.trail import Acting, add_line
from qingjian.apps.matters.words import IN_ENGLISH
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Point
from qingjian.contracts.current import now

KEY_LENGTH = 64
SECRETS = frozenset({"password", "second_factor_code"})
"""What proves who acts; it is never kept, not even as part of a digest."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an action did; `repeated` when the same key had done it before."""

    matter: Matter
    trail: TrailEntry
    repeated: bool = False


def open_matter(
    process: Process,
    actor: Any,
    *,
    title: str,
    title_en: str = "",
    region: Region,
    data: Mapping[str, Any] | None = None,
    data_en: Mapping[str, str] | None = None,
    subject: Organisation | None = None,
    point: Point | None = None,
    confidentiality: str = "",
    origin: str = "",
    follows: Matter | None = None,
    idempotency_key: str,
) -> Done:
    """Open a matter with its number and clocks; `actor` None when the program opens it by itself.

    `title_en`, `data_en`: the same title and texts for who reads in English, of a matter the program writes itself.

    Raises RefusedError or NotAllowed; then nothing is stored.
    """
    if not title.strip():
        raise RefusedError("field", _("Give a title."))
    if process.needs_subject and subject is None:
        raise RefusedError("field", _("Name the organisation concerned."))
    _check_point(process, actor, point, region, subject)
    confidentiality = confidentiality or process.confidentiality
    place = Matter(
        kind=process.code,
        title=title.strip(),
        title_en=title_en.strip(),
        state=process.initial,
        region=region,
        subject=subject,
        point=point,
        confidentiality=confidentiality,
        origin=origin,
        opened_by=actor,
        shared=process.state(process.initial).shared,
    )
    values = check_data(process.opening, data or {}, place)
    values |= {name + IN_ENGLISH: text for name, text in (data_en or {}).items()}
    content = _content(
        "open",
        process.code,
        actor,
        {
            "title": title,
            "region": region.code,
            "data": values,
            "origin": origin,
            "point": point.code if point else "",
            "subject": subject.pk if subject else "",
            "confidentiality": confidentiality,
            "follows": follows.pk if follows else "",
        },
    )
    with transaction.atomic():
        series = _locked_series(process, region)
        # Asked under the lock: the same form sent twice at one moment opens one matter.
        if (earlier := _earlier(idempotency_key, content)) is not None:
            return earlier
        verdict = rules.Verdict(True) if actor is None else rules.may(actor, process.who_opens, place)
        if not verdict.allowed:
            raise NotAllowed(verdict.reason)
        if follows is not None and (
            follows.kind not in process.follows or not rules.sees(rules.reaches(actor), follows)
        ):
            raise RefusedError("state", _("A matter of this kind cannot be opened out of that one."))
        moment = now()
        place.number = _next_number(process, region, series)
        place.data = values
        place.waiting = process.state(process.initial).waits_for
        place.opened_at = place.changed_at = moment
        place.save()
        acting = Acting(place, "open", actor, values)
        acting.verdict = verdict
        if follows is not None:
            MatterLink.objects.create(source=place, target=follows, kind="follows", author=actor, at=moment)
        trail = add_line(acting, "", place.state, values)
        for limit in process.opening_starts:
            clocks.start(place, limit, moment)
        clocks.refresh_due(place)
        Matter.objects.filter(pk=place.pk).update(due=place.due)
        notices.tell_waiting(place, actor)
        _keep(idempotency_key, content, trail)
        return Done(place.as_process(), trail)


def _check_point(
    process: Process, actor: Any, point: Point | None, region: Region, subject: Organisation | None
) -> None:
    """Refuse a matter about nothing, about a point the person does not see, or about somebody it does not concern."""
    if point is None:
        if process.needs_point:
            raise RefusedError("field", _("Name the monitoring point concerned."))
        return
    if actor is not None and not network.points_visible_to(actor).filter(pk=point.pk).exists():
        raise NotAllowed(_("This monitoring point is outside your posts."))
    if process.needs_point and point.region_id != region.pk:
        raise RefusedError("field", _("The monitoring point lies in another region."))
    if process.answerable is not None and not process.answerable(point).filter(pk=subject.pk).exists():
        raise RefusedError(
            "field",
            _("This organisation does not answer for the monitoring point: name its owner or who runs it."),
        )


def _locked_series(process: Process, region: Region) -> NumberSeries:
    year = account_rules.today().year
    NumberSeries.objects.get_or_create(kind=process.code, year=year, region=region)
    return NumberSeries.objects.select_for_update().get(kind=process.code, year=year, region=region)


def _next_number(process: Process, region: Region, series: NumberSeries) -> str:
    series.last += 1
    series.save(update_fields=("last",))
    return f"{process.number_word}〔{series.year}〕{region.code}-{series.last:04d}"


def check_data(fields: tuple[DataField, ...], data: Mapping[str, Any], matter: Matter) -> dict[str, Any]:
    """Return the data typed as declared. Raises RefusedError that names every wrong field."""
    unknown = sorted(set(data) - {one.name for one in fields})
    if unknown:
        raise RefusedError("field", _("Unknown field: %(names)s") % {"names": ", ".join(unknown)})
    form = forms.data_form(fields, matter)(dict(data))
    if not form.is_valid():
        titles = {one.name: one.title for one in fields}
        raise RefusedError(
            "field",
            [f"{titles.get(name, name)}: {text}" for name, texts in form.errors.items() for text in texts],
        )
    return forms.cleaned(form, fields)


def act(
    matter: Matter,
    action: str,
    actor: Any,
    data: Mapping[str, Any] | None = None,
    version: int | None = None,
    idempotency_key: str = "",
) -> Done:
    """Do one thing with a matter: an action of its process, or one of the kernel's own.

    `version` is the one the person saw; another one in the meantime is refused as stale (notes, evidence and links
    ask for none). The same `idempotency_key` again does nothing and returns what was done. Raises RefusedError or
    NotAllowed; then nothing is changed.
    """
    own = KERNEL.get(action)
    given = dict(data or {})
    declaration = matter.declaration
    chosen = declaration.action(action)
    if own is None and (chosen is None or chosen.by_sheet):
        raise RefusedError("state", _("There is no such action."))
    content = _content(
        action, str(matter.pk), actor, {name: value for name, value in given.items() if name not in SECRETS}
    )
    if (earlier := _earlier(idempotency_key, content)) is not None:
        return earlier
    needs_version = own is None or own.needs_version
    if needs_version and version is None:
        raise RefusedError("stale", _("The version you saw is missing. Reload the page."))
    fresh = Matter.objects.select_related("region", "subject", "point", "assignee").get(pk=matter.pk)
    # What takes time or touches files comes before the transaction; the version makes sure nothing changed since.
    if own is not None:
        prepared = own.prepare(fresh, actor, given) if own.prepare else None
    else:
        _check_version(fresh, version)
        _check_action(fresh, chosen, actor, given)
        prepared = documents.prepare(
            fresh, chosen, actor, {**fresh.data, **check_data(chosen.fields, given, fresh)}
        )
    try:
        with transaction.atomic():
            return _act_locked(
                fresh,
                action,
                chosen,
                own,
                actor,
                given,
                version if needs_version else None,
                prepared,
                idempotency_key,
                content,
            )
    except IntegrityError as error:
        if (earlier := _earlier(idempotency_key, content)) is not None:
            return earlier
        raise RefusedError("stale", _("Somebody did the same at this moment. Reload the page.")) from error


def _act_locked(
    fresh: Matter,
    action: str,
    chosen: Action | None,
    own: Any,
    actor: Any,
    given: dict[str, Any],
    version: int | None,
    prepared: Any,
    key: str,
    content: str,
) -> Done:
    locked = Matter.objects.select_for_update().get(pk=fresh.pk).as_process()
    if (earlier := _earlier(key, content)) is not None:
        return earlier
    if version is not None:
        _check_version(locked, version)
        if prepared is not None and locked.version != fresh.version:
            raise RefusedError("stale", _stale(locked))
    acting = Acting(locked, action, actor, given, prepared)
    before = locked.state
    if own is not None:
        own.run(acting)
        trail = add_line(
            acting,
            before,
            locked.state,
            {name: value for name, value in acting.data.items() if name not in SECRETS},
        )
        if own.after is not None:
            own.after(acting, trail)
    else:
        acting.verdict = _check_action(locked, chosen, actor, given)
        acting.data = check_data(chosen.fields, given, locked)
        trail = steps.take(acting, chosen)
    clocks.refresh_due(locked)
    _save(acting)
    _keep(key, content, trail)
    return Done(locked, trail)


def _check_action(matter: Matter, action: Action, actor: Any, given: Mapping[str, Any]) -> rules.Verdict:
    verdict = rules.may(actor, action.who, matter)
    if not verdict.allowed:
        raise NotAllowed(verdict.reason)
    if matter.state not in action.sources:
        raise RefusedError(
            "state",
            _("“%(action)s” is not possible in the state “%(state)s”.")
            % {"action": action.title, "state": matter.present.title},
        )
    for need, have in gates.attached(matter, action):
        if have < need.count:
            raise RefusedError(
                "evidence",
                _("Evidence is missing: %(need)s. What counts so far: %(have)d.")
                % {"need": wording.evidence_need(matter.declaration, need), "have": have},
            )
    return verdict


def _stale(matter: Matter) -> str:
    last = matter.trail.select_related("actor").last()
    who = last.actor if last and last.actor else _("the system")
    return _(
        "%(name)s has changed this matter in the meantime. Look at it again before you act; what you typed is still in the form."
    ) % {"name": who}


def _check_version(matter: Matter, version: int | None) -> None:
    if matter.version != version:
        raise RefusedError("stale", _stale(matter))


def _save(acting: Acting) -> None:
    matter = acting.matter
    if not acting.bumps_version:
        return
    changed = Matter.objects.filter(pk=matter.pk, version=matter.version).update(
        state=matter.state,
        data=matter.data,
        assignee_id=matter.assignee_id,
        waiting=matter.waiting,
        shared=matter.shared,
        closed_at=matter.closed_at,
        due=matter.due,
        changed_at=now(),
        version=matter.version + 1,
    )
    if not changed:
        raise RefusedError("stale", _stale(matter))
    matter.version += 1


def _content(action: str, subject: str, actor: Any, data: Mapping[str, Any]) -> str:
    text = json.dumps(
        [
            action,
            subject,
            actor.pk if actor else None,
            {name: str(value) for name, value in sorted(data.items())},
        ],
        ensure_ascii=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _earlier(key: str, content: str) -> Done | None:
    if not key or len(key) > KEY_LENGTH:
        raise RefusedError("key", _("The form has no valid key. Reload the page."))
    receipt = Receipt.objects.filter(key=key).select_related("trail__matter").first()
    if receipt is None:
        return None
    if receipt.content != content:
        raise RefusedError(
            "key",
            _(
                "This form was sent before with other content, and %(number)s was changed by it. Look there first; sent again, this becomes a step of its own."
            )
            % {"number": receipt.trail.matter.number},
        )
    return Done(receipt.trail.matter.as_process(), receipt.trail, repeated=True)


def _keep(key: str, content: str, trail: TrailEntry) -> None:
    Receipt.objects.create(key=key, content=content, trail=trail, at=now())
