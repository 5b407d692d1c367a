"""Everything a matter holds, in words: what its tabs show, what is printed as a whole, and what goes into its workbook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from math import cos, hypot, radians
from typing import Any

from django.utils.translation import gettext as _

from qingjian.apps.accounts.roles import ROLES
from qingjian.apps.matters import described, queries, wording
from qingjian.apps.matters.models import Evidence, Matter, TrailEntry
from qingjian.apps.matters.outside import Reading
from qingjian.apps.matters.words import ACTIONS
from qingjian.contracts.clock import CHINA

TIME_DIFFERS = timedelta(minutes=10)
PLACE_DIFFERS = 500.0
"""Metres; beyond them, and beyond ten minutes, the page says that person and file contradict each other."""
METRES_PER_DEGREE = 111_320.0

NOT_SHOWN = "image/heic"
"""Photos no browser shows; the page says so instead of leaving a broken picture."""

SHEET_COLOURS = {"open": "blue", "complete": "green", "refused": "red"}

Sheet = tuple[str, Sequence[str], Iterable[Sequence[Any]]]


def evidence(row: Matter, reading: Reading) -> list[Evidence]:
    """Return the evidence that is read, each with what is doubtful about it."""
    rows = list(
        row.evidence.filter(pk__in=reading.evidence).select_related(
            "file", "added_by", "withdrawn_by", "replaces"
        )
    )
    for one in rows:
        one.doubts = doubts(one)
        one.unseen = one.file.media_type == NOT_SHOWN
    return rows


def doubts(one: Evidence) -> list[str]:
    """Return where what a person said and what the file carries contradict each other."""
    found = []
    said = one.taken_at or (one.added_at if one.capture == "live" else None)
    if said and one.taken_at_in_file and abs(said - one.taken_at_in_file) > TIME_DIFFERS:
        found.append(_("the time in the file differs"))
    if one.taken_at_in_file and one.taken_at_in_file > one.added_at + TIME_DIFFERS:
        found.append(_("the time in the file lies after it was added"))
    if None not in (one.longitude, one.latitude, one.longitude_in_file, one.latitude_in_file):
        metres = hypot(
            (one.longitude - one.longitude_in_file) * METRES_PER_DEGREE * cos(radians(one.latitude)),
            (one.latitude - one.latitude_in_file) * METRES_PER_DEGREE,
        )
        if metres > PLACE_DIFFERS:
            found.append(_("the place in the file is %(metres)d m away") % {"metres": round(metres)})
    return found


def documents(row: Matter, reading: Reading) -> list[Any]:
    rows = list(row.documents.filter(pk__in=reading.documents).select_related("file", "made_by"))
    for one in rows:
        one.words = wording.document_title(row.declaration, one.code, one.title)
    return rows


def disclosures(row: Matter) -> list[Any]:
    """Return what became public, with its rows of title and text."""
    rows = list(row.disclosures.all())
    for one in rows:
        one.words = wording.disclosure_title(row.declaration, one)
        one.rows = wording.disclosure_rows(row.declaration, one)
    return rows


def signatures(row: Matter, reading: Reading) -> list[dict[str, Any]]:
    """Return the sheets that are read with their signatures and the slots still empty."""
    found = []
    for sheet in (
        row.sheets.filter(pk__in=reading.sheets)
        .select_related("document")
        .prefetch_related("signatures__signer", "signatures__drawing")
    ):
        kind = row.declaration.sheet(sheet.code)
        titles = {one.code: one.title for one in kind.signers} | {"outsider": _("Person present")}
        kept = list(sheet.signatures.all())
        sheet.colour = SHEET_COLOURS.get(sheet.state, "secondary")
        for one in kept:
            one.slot_title = titles.get(one.slot, one.slot)
            one.role_title = ROLES[one.role].name if one.role in ROLES else one.role
        done = sum(1 for one in kept if not one.refused and one.slot != "outsider")
        waiting = kind.signers[done:] if sheet.state == "open" else ()
        found.append({"sheet": sheet, "title": kind.title, "signatures": kept, "waiting": waiting})
    return found


def explained(row: Matter, clocks: list[Any]) -> list[dict[str, Any]]:
    """Return each deadline with every day that was counted or skipped, and why."""
    found = []
    for clock in clocks:
        ended = clock.state not in ("running", "paused")
        # What has ended keeps the explanation of the date that counted; later calendars and stops change nothing of it.
        kept = clock.answer if ended and clock.answer else queries.as_kept(queries.computed(clock))
        words = kept[wording.language()]
        found.append(
            {
                "clock": clock,
                "title": clock.words,
                "source": wording.deadline_source(row.declaration, clock),
                "headline": words["headline"],
                "last_day": kept["last_day"],
                "next_level": _next_level(clock),
                "steps": [
                    {
                        "day": date.fromisoformat(one["day"]),
                        "counted": one["counted"],
                        "number": one["number"],
                        "text": one[wording.language()],
                    }
                    for one in kept["steps"]
                ],
                "closing": words["closing"],
                "differs": kept["due"] != (clock.due.astimezone(CHINA).isoformat() if clock.due else None),
                "ended": ended,
            }
        )
    return found


def stops(row: Matter) -> list[Any]:
    """Return the stops of the clock, each with the deadlines it is about."""
    rows = list(row.stops.select_related("asked_by", "asked_for", "decided_by", "decided_for"))
    for one in rows:
        one.titles = "、".join(wording.deadline_title(row.declaration, code, code) for code in one.codes)
    return rows


def _next_level(clock: Any) -> str:
    """Return whom the next escalation of a running clock reaches; "" when none is to come."""
    if clock.escalate_at is None:
        return ""
    reached = described.levels()
    return reached[clock.escalation] if clock.escalation < len(reached) else _("those it waits for, again")


def trail(row: Matter, lines: Sequence[TrailEntry]) -> Sequence[TrailEntry]:
    """Return the lines of the trail in words."""
    fields = row.declaration.all_fields()
    for one in lines:
        one.title = wording.action_title(row.declaration, one.action)
        if one.action == "open":
            one.title = ACTIONS["open"]
        one.after_title = row.declaration.state(one.after).title if one.after != one.before else ""
        # The kernel's own actions keep values of other meanings under names a process may use too.
        own = one.action in ("open", "worsened") or row.declaration.action(one.action)
        entered = one.data if own else {}
        one.shown = [
            (fields[name].title, wording.entered_text(fields[name], entered))
            for name in entered
            if name in fields and fields[name].kind != "person"
        ]
        if code := one.data.get("deadline"):
            one.shown.append((_("Deadline"), wording.deadline_title(row.declaration, code, code)))
        if one.action in ("worsened", "recompute"):
            ends = [wording.moment(one.data.get(name)) for name in ("before", "due")]
            if ends[0] != ends[1]:
                one.shown.append((_("Due"), " → ".join(ends)))
        if level := one.data.get("level"):
            one.shown.append((_("Escalation"), level))
    return lines


def told(row: Matter) -> list[Any]:
    """Return who was told what (`words`) and when, newest first, and over which channels it went."""
    rows = list(row.notifications.select_related("person", "matter").prefetch_related("deliveries"))
    for one in rows:
        one.words = wording.sentence(one)
    return rows


def sheets(row: Matter, reading: Reading, links: Iterable[tuple[str, Matter]] = ()) -> list[Sheet]:
    """Return the whole matter as the sheets of a workbook, in the present language; `links` are those the reader sees.

    Outside the authority what is its own, and who was told, are left out.
    """
    clocks = queries.deadlines_of(row, reading.inside)
    return [
        (_("Content"), (_("Field"), _("Value")), [*_head(row), *wording.data_rows(row, reading.data)]),
        (
            _("Evidence"),
            (
                _("What it shows"),
                _("Kind"),
                _("How it came"),
                _("File name"),
                _("Taken at"),
                _("Time written in the file"),
                _("Place"),
                _("Place in the file"),
                _("Taken with"),
                _("Added"),
                _("Added by"),
                _("Withdrawn"),
                "SHA-256",
            ),
            [_evidence_row(one) for one in evidence(row, reading)],
        ),
        (
            _("Documents"),
            (_("Document"), _("Document number"), _("Made"), _("Made by"), _("State"), "SHA-256"),
            [
                (
                    one.words,
                    one.number,
                    one.made_at,
                    one.made_by,
                    _("superseded") if one.superseded else "",
                    one.file_id,
                )
                for one in documents(row, reading)
            ],
        ),
        (
            _("Signatures"),
            (
                _("Document number"),
                _("Signature"),
                _("Person"),
                _("Role"),
                _("Certificate"),
                _("Time"),
                _("Result"),
            ),
            _signature_rows(row, reading),
        ),
        (
            _("Deadlines"),
            (
                _("Deadline"),
                _("Starts"),
                _("Due"),
                _("State"),
                _("Source"),
                _("Confidence"),
                _("Day"),
                _("Explanation"),
            ),
            _deadline_rows(row, clocks),
        ),
        (
            _("Trail"),
            ("#", _("Time"), _("Person"), _("On behalf of"), _("Step"), _("State"), _("Note"), _("Data")),
            [
                (
                    one.sequence,
                    one.at,
                    one.actor or _("the system"),
                    one.on_behalf_of,
                    one.title,
                    one.after_title,
                    one.note,
                    "\n".join(f"{title}: {text}" for title, text in one.shown),
                )
                for one in trail(row, reading.lines)
            ],
        ),
        (
            _("Who was told"),
            (_("Time"), _("Person"), _("Notification"), _("Read by the person")),
            [(one.at, one.person, one.words, one.read_at) for one in (told(row) if reading.inside else ())],
        ),
        (
            _("Linked matters"),
            (_("How they belong together"), _("Number"), _("Kind of matter"), _("Title"), _("State")),
            [(text, one.number, one.declaration.title, one.title, one.present.title) for text, one in links],
        ),
    ]


def _head(row: Matter) -> list[tuple[Any, Any]]:
    return [
        (_("Number"), row.number),
        (_("Kind of matter"), row.declaration.title),
        (_("Title"), row.title),
        (_("State"), row.present.title),
        (_("Region"), row.region),
        (_("Organisation concerned"), row.subject),
        (_("Monitoring point"), row.point),
        (_("Outlet"), row.point.outlet if row.point else None),
        (_("In charge"), row.assignee),
        (_("Confidentiality"), row.get_confidentiality_display()),
        (_("Opened"), row.opened_at),
        (_("Opened by"), row.opened_by or _("the system")),
        (_("Closed"), row.closed_at),
    ]


def _position(longitude: float | None, latitude: float | None) -> str:
    return "" if longitude is None or latitude is None else f"{longitude:.5f}, {latitude:.5f}"


def _evidence_row(one: Evidence) -> tuple[Any, ...]:
    withdrawn = ""
    if one.withdrawn_at:
        moment = one.withdrawn_at.astimezone(CHINA)
        withdrawn = f"{moment:%Y-%m-%d %H:%M} {one.withdrawn_by}: {one.withdrawal_reason}"
    return (
        one.title,
        one.get_kind_display(),
        one.get_capture_display(),
        one.name,
        one.taken_at,
        one.taken_at_in_file,
        _position(one.longitude, one.latitude),
        _position(one.longitude_in_file, one.latitude_in_file),
        one.recorder or one.device,
        one.added_at,
        one.added_by,
        withdrawn,
        one.file_id,
    )


def _signature_rows(row: Matter, reading: Reading) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for sheet in signatures(row, reading):
        for one in sheet["signatures"]:
            person = f"{one.outsider_name}（{one.outsider_capacity}）" if one.outsider_name else one.signer
            result = _("refused") + f": {one.reason}" if one.refused else _("signed")
            number = sheet["sheet"].document.number
            found.append((number, one.slot_title, person, one.role_title, one.certificate, one.at, result))
    return found


def _deadline_rows(row: Matter, clocks: list[Any]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for one in explained(row, clocks):
        clock = one["clock"]
        found.append(
            (
                one["title"],
                clock.started_at,
                clock.due,
                clock.get_state_display(),
                one["source"],
                clock.confidence,
                "",
                one["headline"],
            )
        )
        found.extend((one["title"], "", "", "", "", "", step["day"], step["text"]) for step in one["steps"])
    return found
