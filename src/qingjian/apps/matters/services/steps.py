"""Carrying out a declared action on a locked matter: state, clocks, documents, signatures, who is told."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import override

from qingjian.apps.matters.declarations import Action, Step
from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.models import Disclosure, Matter, TrailEntry
from qingjian.apps.matters.services import clocks, documents, notices, sheets
from qingjian.apps.matters.services.trail import Acting, add_line
from qingjian.apps.matters.words import OFFICIAL_LANGUAGE
from qingjian.contracts.current import now


def take(acting: Acting, action: Action) -> TrailEntry:
    """Carry out a declared action on a locked matter whose guards have been checked."""
    matter, declaration, moment = acting.matter, acting.matter.declaration, now()
    before, charged = matter.state, matter.assignee_id
    getattr(matter, f"take_{action.name}")()
    matter.data = {**matter.data, **acting.data}
    state = matter.present
    matter.shared = state.shared
    matter.waiting = state.waits_for
    if action.assigns:
        matter.assignee_id = acting.actor.pk if action.assigns == "actor" else acting.data[action.assigns]
        if action.assigns == "actor" and acting.verdict.on_behalf_of is not None:
            matter.assignee_id = acting.verdict.on_behalf_of.pk
    made = documents.keep(matter, acting.prepared, acting.actor, moment)
    line = {**acting.data, "documents": [one.number for one in made]} if made else acting.data
    trail = add_line(acting, before, matter.state, line, action.name)
    if action.effect is not None:
        action.effect(Step(matter, action.name, acting.actor, acting.data))
    if action.resumes:
        clocks.end_pause(matter)
    # Who had to do it is whoever was in charge before this step; where nobody was, whoever did it.
    responsible = charged or (acting.verdict.on_behalf_of or acting.actor).pk
    clocks.meet(matter, action.stops, moment, responsible)
    for limit in action.starts:
        clocks.start(matter, limit, moment)
    if action.pauses:
        with override(OFFICIAL_LANGUAGE):
            ground = str(action.pauses)
        if clocks.pause(matter, acting.actor, acting.verdict.on_behalf_of, ground) is not None:
            notices.tell_approvers(matter, "stop_asked", acting.actor)
    sheets.drop_left_behind(matter)
    if action.sheet:
        sheets.open_sheet(matter, declaration.sheet(action.sheet), made, moment)
    if state.final:
        matter.closed_at = moment
        matter.waiting = ""
        clocks.cancel(matter, moment, responsible=responsible)
    if action.publishes is not None:
        _publish(matter, action, moment)
    told = notices.tell_waiting(matter, acting.actor)
    notices.tell_step(matter, action, acting.actor, told)
    return trail


def _publish(matter: Matter, action: Action, moment: datetime) -> None:
    """Keep what an action makes public, as it is today: later steps change nothing of it."""
    with override(OFFICIAL_LANGUAGE):
        title = str(action.publishes.title)
    content = {
        "number": matter.number,
        "title": matter.title,
        "region": matter.region.name,
        "subject": matter.subject.name if matter.subject else "",
        "fields": {name: matter.data.get(name) for name in action.publishes.fields},
    }
    Disclosure.objects.create(matter=matter, title=title, action=action.name, content=content, at=moment)


def take_by_sheet(acting: Acting, name: str, note: str = "") -> None:
    """Take the action a completed or refused sheet leads to; the signer acts."""
    action = acting.matter.declaration.action(name)
    if action is None or acting.matter.state not in action.sources:
        raise RefusedError("state", _("The matter has moved on; this signature leads nowhere."))
    further = Acting(acting.matter, name, acting.actor, {}, verdict=acting.verdict, note=note)
    take(further, action)
