"""From a value back to the bytes it came from."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.utils.translation import get_language

from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Series
from qingjian.apps.observing import evidence, own, queries, stores, words
from qingjian.apps.observing.models import Correction, FindingRecord
from qingjian.apps.observing.statuses import english
from qingjian.apps.observing.values import page_values
from qingjian.apps.records import queries as records
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.converting import Converter
from qingjian.contracts.current import now
from qingjian.hj212.decoder import decode_frame
from qingjian.hj212.model import Refusal
from qingjian.hj212.policy import DEFAULT, Policy
from qingjian.journal import Kind
from qingjian.journal.reader import JournalReader, journals
from qingjian.pipeline.corrections import number_of
from qingjian.pipeline.reading import policy_of
from qingjian.pipeline.rules import check_rule
from qingjian.quality.status import Status
from qingjian.rulebook import Row
from qingjian.standards.phrases import chinese

HEX_COLUMNS = 16
CHECKS = check_rule("")
"""What the names of rules that automatic checks state begin with."""
FILE_SOURCE = "file:"
"""How the source of a value begins that was read from a file; its digest follows."""
SAMPLES_LOOKED_BACK = timedelta(days=31)
SECRET = re.compile(rb"((?:^|[;,#\d&\s])\s*(?:PW|NewPW|NewSK)\s*=)([^;,&]*)", re.IGNORECASE)
"""Spaces and small letters too: the decoder tolerates them, so what follows is the password all the same."""


def steps(
    series: Series, statistic: str, start: datetime, as_of: datetime | None = None
) -> list[dict[str, Any]]:
    """Return every revision of an observation, newest first, each with where it came from."""
    found = []
    book = rulebook()
    history = stores.lake().observation_history(series.pk, statistic, start).to_pylist()
    numbers = [number for row in history if (number := number_of(row["source"])) is not None]
    corrections = queries.corrections_numbered(numbers)
    for row in reversed(history):
        if as_of is not None and row["known_at"] > as_of:
            continue
        row["rule"] = own.rule_of_source(row["source"], book)
        number = number_of(row["source"])
        row["corrected"] = number is not None
        correction = corrections.get(number) if number is not None else None
        # A revision that names a correction of another value, or none, was not made by the program.
        row["correction"] = correction if _is_of(correction, series, statistic, start) else None
        row["entered"] = (
            records.events_about("correction.approved", [number]).first() if row["correction"] else None
        )
        row["file"] = file_of(row["source"])
        row["frame"] = frame(row["journal"], row["sequence"]) if row["journal"] and row["sequence"] else None
        found.append(row)
    return found


def _is_of(correction: Correction | None, series: Series, statistic: str, start: datetime) -> bool:
    return correction is not None and (correction.series_id, correction.statistic, correction.start) == (
        series.pk,
        statistic,
        start,
    )


def file_of(source: str | None) -> dict[str, Any] | None:
    """Return who imported the file a value was read from, when, and whether that is in the ledger.

    Only the digest is known of a file that no event tells of.
    """
    if not source or not source.startswith(FILE_SOURCE):
        return None
    digest = source.removeprefix(FILE_SOURCE)
    event = records.events_about("file.imported", [digest]).first()
    if event is None:
        return {"digest": digest, "event": None}
    said = records.content(event) if records.holds(event) else {}
    return {
        "digest": digest,
        "event": event,
        "holds": bool(said),
        "name": said.get("name", ""),
        "author": said.get("actor_name") or said.get("actor", ""),
        "at": datetime.fromisoformat(said["at"]) if said else None,
    }


def value(
    user: Any, series: Series, statistic: str, start: datetime, as_of: datetime | None = None
) -> dict[str, Any] | None:
    """Return what one value counts for and why, and of what an own period was made; None when nothing is known."""
    values = page_values(user, [series], statistic, start, start + timedelta(seconds=1), as_of)
    if not len(values):
        return None
    row = next(values.rows([0]))
    row["own_stored"] = _stored(series, statistic, start, as_of)
    row["inputs"] = ""
    if statistic in own.TARGETS:
        begin, end = own.bounds(statistic, start, start + timedelta(seconds=1))
        source = own.finest(values.described[series.pk].fact.expected, statistic)
        row["inputs"] = source or ""
        row["begin"], row["end"] = datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)
    return row


def _stored(series: Series, statistic: str, start: datetime, as_of: datetime | None) -> list[dict[str, Any]]:
    """Return the revisions the pipeline stored of an own period, newest first, each with the rule it names."""
    book = rulebook()
    rows = []
    for platform in own.platform_series([series]).values():
        for row in reversed(stores.lake().observation_history(platform, statistic, start).to_pylist()):
            if as_of is None or row["known_at"] <= as_of:
                rows.append({**row, "rule": own.rule_of_source(row["source"], book)})
    return rows


def conversion(
    user: Any, series: Series, statistic: str, start: datetime, as_of: datetime | None = None
) -> dict[str, Any] | None:
    """Return how an own hour of flue gas was converted, or of how many hours a day's value is the mean; else None."""
    directory = queries.directory_at(as_of)
    if statistic not in ("hour", "day") or directory is None:
        return None
    converter = Converter(directory, queries.rulebook_at(as_of))
    if not converter.converts(series.pk):
        return None
    beside = network.series_visible_to(user).filter(pk__in=converter.inputs_of(series.pk))
    begin, end = (int(moment) for moment in own.bounds(statistic, start, start + timedelta(seconds=1)))
    hours = page_values(
        user,
        [series, *beside],
        "hour",
        datetime.fromtimestamp(begin, UTC),
        datetime.fromtimestamp(end, UTC),
        as_of,
    )
    counted = np.where(np.isin(hours.code, (Status.VALID, Status.SUBSTITUTED)), hours.value, np.nan)
    columns = hours.series, hours.start, counted
    if statistic == "day":
        found = list(converter.values([series.pk], *columns).values())
        return {"lines": [], "count": len(found), "value": float(np.mean(found)) if found else None}
    made = converter.trace(series.pk, begin, *columns)
    if made is None:
        return None
    trace, value = made
    return {"lines": trace.lines("en" if english() else "zh")[1:], "count": None, "value": value}


def checks(
    series: Series, start: datetime, as_of: datetime | None = None
) -> list[tuple[str, FindingRecord, list[evidence.Line]]]:
    """Return what automatic checks state of the period that begins at `start`: title, finding, evidence."""
    found = FindingRecord.objects.filter(
        subject=series.code, rule__startswith=CHECKS, start__lte=start, end__gt=start
    ).order_by("rule", "start")
    if as_of is not None:
        found = found.filter(known_at__lte=as_of)
    return [(words.rule_title(one.rule), one, evidence.lines(one.evidence)) for one in found]


def rule_text(row: Row) -> str:
    """Return what a rule says, in the language of the page where its table has it."""
    text = row.values.get("rule") or row.values.get("criterion") or ""
    return text if (get_language() or "").startswith("en") else chinese(text)


def frame(journal: str, sequence: int) -> dict[str, Any] | None:
    """Return a frame from the lake, or from the journal while it has not moved yet, with its reading."""
    row = stores.lake().frame(journal, sequence)
    if row is None:
        if journal not in journals(settings.DATA_FOLDER.journal):
            return None
        with JournalReader(settings.DATA_FOLDER.journal / journal) as reader:
            kept = reader.frame(sequence)
        if kept is None:
            return None
        row = {
            "journal": journal,
            "sequence": sequence,
            "content": kept.content,
            "received_at": kept.received_at,
            "peer": kept.peer,
            "mn": kept.mn,
            "kind": kept.kind,
            "codes": "",
            "frame_directory": kept.directory_version,
            "nonce": kept.nonce,
            "batch": kept.batch,
        }
    data = bytes(row["content"])
    return {
        **row,
        "text": without_password(data).decode("utf-8", "backslashreplace"),
        "hex": hex_dump(without_password(data)),
        "size": len(data),
        **_reading(data, _policy(row["mn"], row["frame_directory"], row["received_at"])),
    }


def _policy(mn: str, version: int, received_at: datetime) -> Policy:
    """Return how the device was read when the frame came: its edition, accepted variants and key of that directory."""
    directory = queries.directory_numbered(version) or queries.directory_at()
    moment = received_at if received_at.tzinfo else received_at.replace(tzinfo=UTC)
    device = directory.device(mn, moment) if directory is not None else None
    if directory is None or device is None:
        return DEFAULT
    return policy_of(device, directory.without)


def _reading(data: bytes, policy: Policy) -> dict[str, Any]:
    message = decode_frame(data, policy)
    if isinstance(message, Refusal):
        refusal = f"{words.code_title(message.code)} {message.detail}".strip()
        return {"refusal": refusal, "fields": {}, "deviations": [], "plain": ""}
    return {
        "refusal": "",
        "fields": message.fields,
        "deviations": [(words.code_title(one.code), one.detail) for one in message.deviations],
        "plain": without_password(b"&&" + message.cp + b"&&").decode("utf-8", "backslashreplace")
        if message.encrypted
        else "",
    }


def without_password(data: bytes) -> bytes:
    """Return the bytes with passwords and new keys starred out: pages never show them, stores keep what came."""
    return SECRET.sub(lambda found: found[1] + b"*" * len(found[2]), data)


def hex_dump(data: bytes) -> str:
    """Return bytes as offset, hex and printable text."""
    lines = []
    for offset in range(0, len(data), HEX_COLUMNS):
        part = data[offset : offset + HEX_COLUMNS]
        text = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in part)
        lines.append(f"{offset:04x}  {part.hex(' '):<{HEX_COLUMNS * 3}} {text}")
    return "\n".join(lines)


def samples(mn: str, limit: int) -> list[dict[str, Any]]:
    """Return the newest kept samples of an unknown sender, under the MN it named (empty: it named none)."""
    end = now() + timedelta(minutes=5)
    table = stores.lake().frames(
        end - SAMPLES_LOOKED_BACK, end, mn=mn, kinds=[Kind.UNREGISTERED], limit=limit, newest_first=True
    )
    return [
        {
            "received_at": row["received_at"],
            "peer": row["peer"],
            "size": len(row["content"]),
            "text": without_password(bytes(row["content"])).decode("utf-8", "backslashreplace"),
            "hex": hex_dump(without_password(bytes(row["content"]))),
            **_reading(bytes(row["content"]), DEFAULT),
        }
        for row in table.to_pylist()
    ]


@dataclass(frozen=True, slots=True)
class Noted:
    """What was noted of frames of a device in a period: code, how often, when first and last, and the last such frame."""

    code: str
    refused: bool
    count: int
    first: datetime
    last: datetime
    journal: str
    sequence: int


def noted(mn: str, start: datetime, end: datetime) -> list[Noted]:
    """Return deviations and refusals of a device by code, most frequent first; a frame counts once for each of its codes."""
    found: dict[tuple[str, bool], Noted] = {}
    for row in stores.lake().frame_codes(mn, start, end):
        first, last = (_aware(row[name]) for name in ("first", "last"))
        refused = row["kind"] != Kind.ACCEPTED.value
        code = row["code"]
        one = Noted(code, refused, row["count"], first, last, row["journal"], row["sequence"])
        held = found.get((code, refused))
        if held is not None:
            newest = one if one.last >= held.last else held
            one = replace(newest, count=one.count + held.count, first=min(one.first, held.first))
        found[code, refused] = one
    return sorted(found.values(), key=lambda one: (-one.count, one.code, one.refused))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def recent_frames(mn: str, limit: int) -> list[dict[str, Any]]:
    """Return the newest frames of a device."""
    table = stores.lake().frames(
        now() - timedelta(days=2), now() + timedelta(minutes=5), mn=mn, limit=limit, newest_first=True
    )
    rows = table if isinstance(table, list) else table.to_pylist()
    for row in rows:
        row["received_at"] = _aware(row["received_at"])
        row["text"] = without_password(bytes(row["content"])).decode("utf-8", "backslashreplace")[:160]
    return rows
