"""Evidence bundles of values: raw frames, values with flags and marks, settings in force, and every proof."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from qingjian.apps.evaluation import entering
from qingjian.apps.network import recorded
from qingjian.apps.network.models import Series
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing import stores
from qingjian.apps.observing.provenance import FILE_SOURCE
from qingjian.apps.records import queries as records
from qingjian.apps.records.bundles import collectors
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.desk.ledger import opening, sealing
from qingjian.desk.ledger.frames import LakeFrame, StoredFrames
from qingjian.desk.ledger.receipts import frame_evidence, left_out_lines
from qingjian.notary.bundle import (
    BundleContent,
    EventEvidence,
    FileEvidence,
    SeriesDayEvidence,
    build_bundle,
)
from qingjian.notary.notary import Notary
from qingjian.notary.reading import awaits_publication
from qingjian.notary.sealing import prove_series_day, seal_of

LONGEST = {
    "hour": timedelta(days=31),
    "minute": timedelta(days=2),
    "day": timedelta(days=92),
    "month": timedelta(days=3_660),
    "year": timedelta(days=3_660),
}
"""The longest range of a bundle, so that anybody can build, carry and check it."""
DENSE = ("hour", "minute")
"""Statistics whose frames are so many that they are read together."""
MOST_SERIES = 12
MOST_FILE_BYTES = 40 << 20
ONE = timedelta(microseconds=1)
LATE = timedelta(hours=2)
"""Frames with values of a period come this long after its end, as a rule; later ones are fetched one by one."""
COLUMNS = (
    *("start", "revision", "value", "min", "max", "total", "converted", "flag", "qualifier"),
    *("journal", "sequence", "source", "known_at"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked for, checked."""

    user: Any
    series: Sequence[Series]
    statistic: str
    start: datetime
    end: datetime


def wanted(
    user: Any, series: Sequence[Series], statistic: str, start: datetime | None, end: datetime | None
) -> Wanted:
    """Check a request; ValidationError says what would be right. Series out of the person's reach are refused."""
    if statistic not in LONGEST:
        raise ValidationError(_("Choose which values."))
    readable = observing.readable(user, series)
    if not readable or len(readable) != len(series):
        raise ValidationError(_("Choose series of this point."))
    if len(readable) > MOST_SERIES:
        raise ValidationError(_("At most %(count)d series go into one bundle.") % {"count": MOST_SERIES})
    if start is None or end is None or end <= start:
        raise ValidationError(_("The end must lie after the beginning."))
    if end - start > LONGEST[statistic]:
        raise ValidationError(
            _(
                "A bundle covers at most 2 days of minutes, 31 days of hours, 92 days of day values, or 10 years of "
                "month and year values. Export several."
            )
        )
    return Wanted(user, readable, statistic, start, min(end, now()))


def build(request: Wanted) -> bytes:
    """Return the bundle of a value range as a zip. NotaryError when there is no ledger."""
    points = sorted({one.point.name for one in request.series})
    title = f"{'、'.join(points)} {_shown(request.start)} 至 {_shown(request.end)}"
    with StoredFrames(settings.DATA_FOLDER.journal, stores.lake()) as frames, opening.opened() as notary:
        asked = {"wanted": request, "notary": notary, "frames": frames}
        parts = [(name, asked) for name in ("values", "files", "corrections", "marks", "settings")]
        return build_bundle(notary, collectors.gather(title, parts))


def build_about(title: str, parts: Sequence[tuple[str, Mapping[str, Any]]]) -> bytes:
    """Return a bundle of registered parts, each by its name and what its app wants to know. NotaryError as above."""
    with opening.opened() as notary:
        return build_bundle(notary, collectors.gather(title, parts))


def _shown(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


def _values(asked: Mapping[str, Any]) -> BundleContent:
    request: Wanted = asked["wanted"]
    notary: Notary = asked["notary"]
    frames: StoredFrames = asked["frames"]
    content = BundleContent("")
    sources: set[tuple[str, int]] = set()
    rows_count = computed = 0
    for series in request.series:
        rows = (
            stores.lake()
            .series(
                [series.pk],
                request.statistic,
                request.start,
                request.end,
                all_revisions=True,
                columns=COLUMNS,
            )
            .to_pylist()
        )
        rows_count += len(rows)
        computed += sum(not row["journal"] for row in rows)
        sources |= {(row["journal"], row["sequence"]) for row in rows if row["journal"] and row["sequence"]}
        title = f"{series.point.name} {series.factor} {series.unit}（{series.get_origin_display()}）"
        content.files.append(FileEvidence(f"values/{series.code}.csv", title, _csv(rows)))
    found = _frames(frames, request, sources)
    content.frames, left_out = frame_evidence(notary, frames, found)
    content.series_days, unsealed = _sealed(notary, request)
    content.summary = [
        "## 数据",
        "",
        f"{len(request.series)} 个序列，{rows_count} 行（含全部修订）。files/values/ 中每行的 journal、sequence "
        "指出该值来自哪一帧原始报文；原始报文已入账，可据以逐值重算核对，表格本身仅由导出方签名。",
        f"已封存的自然日 {len(content.series_days)} 个序列日见 values/（该日全部存储行及修订，与入账的封存逐字节核对）。",
        *(
            [f"另有 {unsealed} 个序列日尚未封存（自然日结束两小时后封存），其数值由原始报文证明。"]
            if unsealed
            else []
        ),
        "原始报文逐字节原样保存，含设备的访问密码；对外提供前请与设备所有者更换密码。",
        *(
            [
                f"其中 {computed} 行不是报文直接给出的：source 列写明由哪条规则从分钟数据算得（rule）、来自哪个文件（file）"
                "或由哪件更正产生（correction）；分钟数据的原始报文见同时段的分钟证据包。"
            ]
            if computed
            else []
        ),
        *left_out_lines(left_out),
        *([f"另有 {len(sources) - len(found)} 帧已不可得。"] if len(sources) > len(found) else []),
        "",
    ]
    return content


def _sealed(notary: Notary, request: Wanted) -> tuple[list[SeriesDayEvidence], int]:
    """Return the sealed days of the range as they are stored now, and how many series-days have no seal yet."""
    first, last = (moment.astimezone(CHINA).date() for moment in (request.start, request.end - ONE))
    codes = {one.pk: one.code for one in request.series}
    found: list[SeriesDayEvidence] = []
    unsealed = 0
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if not _begins(request.statistic, day):
            continue
        seal = seal_of(notary, day)
        place = None if seal is None or seal.lost else notary.state.place(seal.subject)
        entered = place is not None and not awaits_publication(notary, place)
        for series in request.series:
            name = sealing.name_of(codes, (series.pk, request.statistic))
            if seal is None or not entered or name not in seal.digests:
                unsealed += 1
                continue
            canonical = sealing.canonical_now(seal, (series.pk, request.statistic), codes)
            proof = prove_series_day(notary, day, name)
            found.append(SeriesDayEvidence(canonical or b"\n", proof))
    return found, unsealed


def _begins(statistic: str, day: date) -> bool:
    """Say whether periods of a statistic can begin on a day."""
    return {"month": day.day == 1, "year": (day.month, day.day) == (1, 1)}.get(statistic, True)


def _frames(frames: StoredFrames, request: Wanted, sources: set[tuple[str, int]]) -> list[LakeFrame]:
    found: dict[tuple[str, int], LakeFrame] = {}
    devices = {one.device.mn for one in request.series if one.device} if request.statistic in DENSE else set()
    for mn in sorted(devices):
        for frame in frames.received(mn, request.start, request.end + LATE):
            if (frame.journal, frame.sequence) in sources:
                found[frame.journal, frame.sequence] = frame
    for journal, sequence in sorted(sources - found.keys()):
        frame = frames.one(journal, sequence)
        if frame is not None:
            found[journal, sequence] = frame
    return list(found.values())


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(
            row[name].astimezone(CHINA).isoformat() if name in ("start", "known_at") else row[name]
            for name in COLUMNS
        )
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _files(asked: Mapping[str, Any]) -> BundleContent:
    """Files that values were read from, as they came, each with the event that names its digest."""
    request: Wanted = asked["wanted"]
    sources = stores.lake().series(
        [one.pk for one in request.series],
        request.statistic,
        request.start,
        request.end,
        all_revisions=True,
        columns=("source",),
    )
    digests = {
        one.removeprefix(FILE_SOURCE)
        for one in sources.column("source").unique().to_pylist()
        if one and one.startswith(FILE_SOURCE)
    }
    content = BundleContent("")
    lines = []
    size = 0
    for row in entering.known_files(digests):
        place = None
        for event in records.events_about(
            "file.imported", [one.identifier for one in entering.attempts(row)]
        ).order_by("pk"):
            opened = records.evidence(event)
            if opened is not None:
                place = len(content.events) if place is None else place
                content.events.append(opened)
        path = entering.kept_files().path(row.digest)
        size += path.stat().st_size if path.is_file() else 0
        if not path.is_file():
            state = "原文件已不可得"
        elif not entering.may_read(request.user, row):
            state = "原文件含其他点位的数据，未附"
        elif size > MOST_FILE_BYTES:
            state = "原文件过大，未附"
        else:
            suffix = PurePath(row.name).suffix.lower()
            name = f"imports/{row.digest}{suffix if suffix in ('.csv', '.xlsx') else ''}"
            content.files.append(FileEvidence(name, row.name, path.read_bytes(), place))
            state = f"files/{name}"
        author = row.author.name if row.author else "命令行"
        entered = "已入账" if opened else "尚未入账"
        lines.append(f"- {row.name}，{author}，{_shown(row.at)}（{entered}）：{state}")
    unknown = len(digests) - len(lines)
    if unknown:
        lines.append(f"- 另有 {unknown} 个来源没有导入记录（建站时导入），其数值由封存证明。")
    content.summary = ["## 数据文件", "", *lines, ""] if lines else []
    return content


def _corrections(asked: Mapping[str, Any]) -> BundleContent:
    """Corrections of values in the range, approved and rejected, as opened events."""
    request: Wanted = asked["wanted"]
    numbers = [one.pk for one in request.series]
    content = BundleContent("")
    lines = []
    for row in observing.corrections_known(numbers, request.statistic, request.start, request.end):
        events = [records.evidence(one) for one in records.events_about(f"correction.{row.state}", [row.pk])]
        content.events += [one for one in events if one is not None]
        entered = "已入账" if any(events) else "尚未入账"
        decision = "批准" if row.state == row.State.APPROVED else "驳回"
        change = "，".join(
            f"{name} {row.before.get(name, '无')} → {text}" for name, text in row.after.items()
        )
        lines.append(
            f"- 更正 {row.pk} {row.series.code} {_shown(row.start)}：{change}；{row.author.name}：{row.reason}；"
            f"{row.decided_by.name} {decision}（{entered}）"
        )
    content.summary = ["## 更正", "", *(lines or ["此时段无更正。"]), ""]
    return content


def _marks(asked: Mapping[str, Any]) -> BundleContent:
    request: Wanted = asked["wanted"]
    codes = {one.code for one in request.series}
    marks = [
        one
        for one in observing.marks_known(
            {series.point_id for series in request.series}, request.start, request.end
        )
        if codes & set(one.series)
    ]
    content = BundleContent("")
    lines = []
    for mark in marks:
        code = "mark.withdrawn" if mark.withdrawn else "mark.set"
        rows = [records.evidence(row) for row in records.events_about(code, [mark.pk])]
        content.events += [row for row in rows if row is not None]
        entered = "已入账" if any(rows) else "尚未入账"
        state = "撤回" if mark.withdrawn else mark.get_kind_display()
        lines.append(
            f"- {state} {_shown(mark.start)} 至 {_shown(mark.end)} {'、'.join(mark.series)}，"
            f"{mark.author.name}：{mark.reason}（{entered}）"
        )
    content.summary = ["## 标记", "", *(lines or ["此时段无标记。"]), ""]
    return content


def _settings(asked: Mapping[str, Any]) -> BundleContent:
    """Settings, series and devices as the directory has them, and the approved changes that made them so."""
    request: Wanted = asked["wanted"]
    directory = observing.directory_at(request.end)
    codes = {one.code for one in request.series}
    devices = {one.device.code for one in request.series if one.device}
    facts: dict[str, Any] = {"directory_version": directory.version if directory else 0, "settings": []}
    if directory is not None:
        facts["published_at"] = directory.published_at.isoformat()
        facts["settings"] = [
            {
                "subject": one.subject,
                "name": one.name,
                "value": one.value,
                "unit": one.unit,
                "source": one.source,
                "valid_from": one.valid_from.isoformat() if one.valid_from else None,
                "valid_to": one.valid_to.isoformat() if one.valid_to else None,
            }
            for one in directory.settings
            if one.subject in codes | devices
            and (one.valid_from is None or one.valid_from < request.end)
            and (one.valid_to is None or one.valid_to > request.start)
        ]
    text = json.dumps(facts, ensure_ascii=False, indent=1, default=str) + "\n"
    content = BundleContent("", files=[FileEvidence("settings.json", "时段内有效的设置", text.encode())])
    content.events = _changes(codes | devices | {one.point.code for one in request.series})
    content.summary = [
        "## 设置",
        "",
        f"files/settings.json：名录第 {facts['directory_version']} 版中有效的 {len(facts['settings'])} 项设置；"
        f"events/ 含相关登记变更批准 {len(content.events)} 件。",
        "",
    ]
    return content


def _changes(subjects: set[str]) -> list[EventEvidence]:
    found = []
    for row in records.events_of("registry.approved"):
        if recorded.concerns(records.content(row), subjects) and (one := records.evidence(row)):
            found.append(one)
    return found


collectors.register("values", "数据与原始报文", _values)
collectors.register("files", "数据文件", _files)
collectors.register("corrections", "更正", _corrections)
collectors.register("marks", "标记", _marks)
collectors.register("settings", "有效设置", _settings)
