"""A matter as evidence for outsiders: its steps and signatures out of the ledger, its files, and its whole trail."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import override

from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.models import Matter, StoredFile
from qingjian.apps.matters.outside import Reading
from qingjian.apps.matters.services import files
from qingjian.apps.matters.words import OFFICIAL_LANGUAGE
from qingjian.apps.records import queries as records
from qingjian.apps.records.bundles import collectors
from qingjian.contracts.clock import CHINA
from qingjian.notary.bundle import BundleContent, EventEvidence, FileEvidence, safe_name

MOST_BYTES = 200 * 1024**2
"""Larger files are named with their digest, which is in the ledger, and handed over beside the bundle."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file of the matter: where it goes in the bundle, what it is, and its row."""

    name: str
    title: str
    file: StoredFile


def collect(request: Mapping[str, Any]) -> BundleContent:
    """Return everything of `request["matter"]`; whoever asks must have checked that the person may see it.

    Unless `request["inside"]`, what is the authority's own in the trail is named but withheld.
    """
    matter: Matter = request["matter"]
    content = BundleContent(matter.title)
    reading = Reading(matter, bool(request.get("inside", True)))
    trail = reading.trail
    # An event holds the note of its line in plain: it is withheld with the line.
    read = {one.sequence for one in reading.lines}
    withheld = {f"{matter.number}/{one.sequence}" for one in trail if one.sequence not in read}
    events = records.events_below("matter.", f"{matter.number}/")
    rows = [one for one in events if one.identifier not in withheld]
    found = [one for one in map(records.evidence, rows) if one is not None]
    content.events = found
    content.files.append(
        FileEvidence(
            f"{safe_name(matter.number)}/trail.json",
            "办理过程（逐条与 events/ 核对） / steps, each to be compared with events/",
            _trail(reading),
        )
    )
    left_out = _attach(content, reading, found)
    content.summary = [
        f"## 事项 {matter.number} / matter",
        "",
        f"{matter.title}；状态：{_state(matter, OFFICIAL_LANGUAGE)}；立项 {_shown(matter.opened_at)}。",
        f"办理过程 {len(trail)} 条，已入账 {len(found)} 条"
        + (f"，{len(rows) - len(found)} 条尚在入账途中" if len(rows) > len(found) else "")
        + (f"，{len(withheld)} 条由主管部门内部掌握、未提供。" if withheld else "。"),
        "trail.json 中每条的 data 字段按规范 JSON（键排序、无空格）的 SHA-256 记在对应事件的 data 中。",
        "",
        f"State: {_state(matter, 'en')}; opened {_shown(matter.opened_at)} (UTC+08:00).",
        f"{len(trail)} steps, {len(found)} of them in the ledger"
        + (f", {len(rows) - len(found)} on the way there" if len(rows) > len(found) else "")
        + (f", {len(withheld)} kept inside the authority and withheld." if withheld else "."),
        "The SHA-256 of the field `data` of each step in trail.json, as canonical JSON (sorted keys, no spaces), stands in the "
        "data of its event.",
        *left_out,
        "",
    ]
    return content


def _state(matter: Matter, language: str) -> str:
    with override(language):
        return str(matter.present.title)


def _trail(reading: Reading) -> bytes:
    matter, read = reading.matter, {one.sequence for one in reading.lines}
    rows = [
        {"sequence": one.sequence, "withheld": "由主管部门内部掌握 / kept inside the authority"}
        if one.sequence not in read
        else {
            "sequence": one.sequence,
            "at": one.at.astimezone(CHINA).isoformat(),
            "actor": one.actor.username if one.actor else "",
            "actor_name": one.actor.name if one.actor else "",
            "on_behalf_of": one.on_behalf_of.username if one.on_behalf_of else "",
            "action": one.action,
            "before": one.before,
            "after": one.after,
            "data": one.data,
            "note": one.note,
        }
        for one in reading.trail
    ]
    whole = {"number": matter.number, "kind": matter.kind, "title": matter.title, "trail": rows}
    return (json.dumps(whole, ensure_ascii=False, indent=1, default=str) + "\n").encode()


def _attach(content: BundleContent, reading: Reading, events: Sequence[EventEvidence]) -> list[str]:
    """Add the files, each with the event that names its digest; return sentences about those left out."""
    left_out, size = [], 0
    for one in _files(reading):
        size += one.file.size
        if size > MOST_BYTES:
            size -= one.file.size
            left_out.append(
                f"- 文件过大，另行提供 / too large, handed over separately: {one.title}, SHA-256 {one.file.digest}"
            )
            continue
        try:
            data = files.read(one.file)
        except (RefusedError, OSError):
            left_out.append(
                f"- 文件已损坏或缺失，未包含 / damaged or gone, left out: {one.title}, SHA-256 {one.file.digest}"
            )
            continue
        needle = f'"{one.file.digest}"'.encode()
        event = next((place for place, made in enumerate(events) if needle in made.canonical), None)
        content.files.append(FileEvidence(one.name, one.title, data, event))
    return left_out


def _files(reading: Reading) -> Iterator[_Wanted]:
    matter = reading.matter
    place = safe_name(matter.number)
    for row in matter.evidence.filter(pk__in=reading.evidence).select_related("file"):
        state = "（已撤回 / withdrawn）" if row.withdrawn_at else ""
        yield _Wanted(
            f"{place}/evidence/{row.pk}-{safe_name(row.name)}",
            f"证据 / evidence: {row.title}{state}",
            row.file,
        )
    for document in matter.documents.filter(pk__in=reading.documents).select_related("file"):
        name = f"{place}/documents/{document.pk}-{safe_name(document.number)}.docx"
        yield _Wanted(name, f"文书 / document: {document.title} {document.number}", document.file)
    for sheet in matter.sheets.filter(pk__in=reading.sheets).prefetch_related("signatures__drawing"):
        for signature in sheet.signatures.all():
            if signature.drawing is not None:
                name = f"{place}/signatures/{signature.pk}.png"
                yield _Wanted(
                    name, f"手写签名 / drawn signature: {sheet.code} {signature.slot}", signature.drawing
                )


def _shown(moment: Any) -> str:
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


collectors.register("matter", "事项", collect)
