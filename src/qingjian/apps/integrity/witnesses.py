"""What speaks beside the values: settings, sessions and software of devices, what the pipeline noted, process logic, materials.

Findings on data that other sources support weigh more; a fact against the register is a suspect by itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from django.db.models import Q
from django.utils.translation import override

from qingjian.apps.integrity.materials import balance_tests
from qingjian.apps.integrity.panels import Group, day_of, midnight
from qingjian.apps.integrity.words import DAY, DEVICE, PROCESS, TWINS
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Setting
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing.models import FindingRecord, Mark
from qingjian.screening import device_side
from qingjian.screening.corroboration import (
    FactHistory,
    corroborated,
    device_findings,
    meets,
    process_findings,
)
from qingjian.screening.device_side import (
    Access,
    DeviceFact,
    Registered,
    changes_with_remote_access,
    settings_off_register,
    software_off_register,
)
from qingjian.screening.findings import Finding
from qingjian.screening.learning import Learned
from qingjian.screening.outlet_logic import WHOLE_STATION, Declared, outlet_tests, stopped_by_device
from qingjian.screening.panel import Panel
from qingjian.screening.record import Record, join

ALONE = 0.999
"""Score from which process logic is a suspect without any finding on data: about once in three years of honest days. Signs
of generated data only support other findings: smooth true readings look computed too."""
AGAINST_REGISTER = frozenset(
    {
        "setting_off_register",
        "unregistered_setting",
        "change_in_remote_session",
        "software_hash",
        "software_unknown",
    }
)
"""Facts that are suspects whatever the data say."""
ONE_SERIES = 0.9
"""Share of equal readings from which two monitors of one point carry one series; two honest ones differ by their noise."""
TOUCHING = frozenset({Mark.Kind.MAINTENANCE, Mark.Kind.CALIBRATION})
NOTED = {
    "clock-drift": (
        "clock_jump",
        "设备时钟偏离接收时间",
        "device clock away from the time of receipt",
        ("F04", "T08"),
    ),
    "changed-after-the-fact": (
        "changed_later",
        "已报时段的数值事后改变",
        "value of a reported period changed",
        ("T13",),
    ),
    "device-against-platform": (
        "mean_differs",
        "设备均值与平台按明细计算的不一致",
        "mean of the device differs from its finer data",
        ("T12",),
    ),
}
"""Rule of the pipeline → kind of fact, what was seen, official circumstances."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_EIGHT_HOURS = 8 * 60


def heard(
    group: Group, known: int, panel: Panel, learned: Learned | None, found: Sequence[Finding], until: date
) -> list[Finding]:
    """Return the findings of a screening of a panel joined by what other sources say, and what these say alone.

    `known` is how many days of data lie before the panel.
    """
    first = day_of(panel.first_day)
    others = [
        *of_devices(group, known, first, until),
        *(of_process(group, panel, learned) if learned else ()),
    ]
    data = [one for one in found if not one.other_station]
    twins = [one for one in found if one.other_station and not _side_by_side(group, panel, one)]
    # What speaks of a whole point speaks of each of its monitors; alone it is said once.
    repeated = [
        (replace(one, station=station), one)
        for one in others
        if not one.parameter
        for station, home in group.homes.items()
        if home == one.station != station
    ]
    joined = corroborated(data, [*others, *(again for again, _one in repeated)])
    alone = {id(one) for one in joined}
    heard_elsewhere = {id(one) for again, one in repeated if id(again) not in alone}
    left_out = heard_elsewhere | {id(again) for again, _one in repeated}
    joined = tuple(one for one in joined if id(one) not in left_out)
    own = {(one.station, one.parameter, one.first_day) for one in data}
    kept = [
        one
        for one in joined
        if (one.station, one.parameter, one.first_day) in own
        or (one.score >= ALONE and any(test.test.startswith("process.") for test in one.evidence))
        or _against_register(one)
    ]
    kept += [one for one in others if _says_more(one, data)]
    return [*(_placed(group, one) for one in kept), *twins]


def _says_more(other: Finding, data: Sequence[Finding]) -> bool:
    """Say whether what process logic sees is a suspect alone and reaches beyond every finding on data that it joined.

    A joint finding has the days and the kind of the data; a stop of a week must not shrink to the one odd day of it.
    """
    met = [one for one in data if meets(one, other)]
    return (
        bool(met)
        and other.score >= ALONE
        and any(test.test.startswith("process.") for test in other.evidence)
        and all(other.first_day < one.first_day or one.last_day < other.last_day for one in met)
    )


def occasion_within(group: Group, known: int, occasion: Finding, first: int, last: int) -> Finding | None:
    """Return what a device says on some days of one of its occasions alone; None where nothing of it is a suspect by itself."""
    placed = (_placed(group, one) for one in of_devices(group, known, day_of(first), day_of(last)))
    about = (occasion.station, occasion.parameter)
    own = [one for one in placed if (one.station, one.parameter) == about and _against_register(one)]
    return min(own, key=lambda one: one.first_day, default=None)


def _against_register(finding: Finding) -> bool:
    return any(fact.test.removeprefix("device.") in AGAINST_REGISTER for fact in finding.evidence)


def _side_by_side(group: Group, panel: Panel, twin: Finding) -> bool:
    """Say whether two monitors of one point only measure the same: they agree, but their readings are their own."""
    if group.homes.get(twin.station) != group.homes.get(twin.other_station):
        return False
    codes = [one.code for one in panel.stations]
    p = [one.code for one in panel.parameters].index(twin.parameter)
    days = slice(
        (twin.first_day - panel.first_day) * panel.per_day,
        (twin.last_day + 1 - panel.first_day) * panel.per_day,
    )
    one, other = (panel.usable()[codes.index(code), p, days] for code in (twin.station, twin.other_station))
    both = np.isfinite(one) & np.isfinite(other)
    equal = np.abs(one - other)[both] <= 0.5 * panel.parameters[p].resolution
    return not both.any() or float(equal.mean()) < ONE_SERIES


def rule_of(finding: Finding) -> str:
    """Return the rule a finding belongs to: what only another source says has a rule, and a precision, of its own."""
    if finding.other_station:
        return TWINS
    sources = {one.test.partition(".")[0] for one in finding.evidence}
    if sources and sources <= {"device"}:
        return DEVICE
    if sources and sources <= {"process", "generated", "device"}:
        return PROCESS
    return DAY


def _placed(group: Group, finding: Finding) -> Finding:
    """Name a series for what speaks of a whole point: its first screened one."""
    if finding.parameter:
        return finding
    measured = [one.code for one in group.parameters if one.role == "measured"]
    stations = [station for station, home in group.homes.items() if home == group.homes.get(finding.station)]
    own = [
        (station, factor) for station in stations for factor in measured if (station, factor) in group.places
    ]
    return replace(finding, station=own[0][0], parameter=own[0][1]) if own else finding


def of_devices(group: Group, known: int, first: date, until: date) -> list[Finding]:
    """Return one finding for each occasion on which a device contradicts the register or itself.

    How unusual that is follows from the `known` days of data before `first`.
    """
    begin, end = midnight(first), midnight(until + timedelta(days=1))
    found: list[Finding] = []
    for (point, factor), facts in sorted(_facts(group, end).items()):
        past = [one for one in facts if one.minute < _minute(begin)]
        counts = Counter(one.kind for one in past)
        present = [one for one in facts if one.minute >= _minute(begin)]
        found.extend(device_findings(point, factor, present, FactHistory(known, counts)))
    return found


def _facts(group: Group, end: datetime) -> dict[tuple[str, str], list[DeviceFact]]:
    """Return the facts known before a moment by (point, factor); factor "" is the whole point."""
    facts: dict[tuple[str, str], list[DeviceFact]] = defaultdict(list)
    by_code = {one.code: place for place, one in group.places.items()}
    points = {one.point_id: group.homes[place[0]] for place, one in group.places.items()}
    for row in FindingRecord.objects.filter(rule__in=NOTED, point__in=points, start__lt=end).order_by(
        "start", "id"
    ):
        kind, zh, en, circumstances = NOTED[row.rule]
        place = by_code.get(row.subject, (points[row.point_id], "")) if row.point_id else None
        if place is not None:
            facts[place].append(DeviceFact(_minute(row.start), kind, zh, en, circumstances))
    sessions = _sessions(points, end)
    for place, (reported, register) in _settings(group, end).items():
        facts[place].extend(settings_off_register(reported, register, _minute(end)))
        facts[place].extend(changes_with_remote_access(reported, sessions.get(group.homes[place[0]], ())))
    for place, found in _software(points, end):
        facts[place].extend(found)
    return facts


def _sessions(points: Mapping[int, str], end: datetime) -> dict[str, list[Access]]:
    """Return the remote sessions of the log book by the station that stands for the point."""
    found: dict[str, list[Access]] = defaultdict(list)
    for row in observing.sessions_known(points, EARLIEST, end):
        last = _minute(row.end or row.start)
        found[points[row.point.pk]].append(Access(_minute(row.start), last, row.person, bool(row.notice)))
    return found


def _software(points: Mapping[int, str], end: datetime) -> list[tuple[tuple[str, str], list[DeviceFact]]]:
    """Return where software was found that is not the registered one; where nothing is registered, nothing is said."""
    read: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[tuple[int, str, str]]] = defaultdict(list)
    for row in observing.software_known(points, end):
        registered = tuple(sorted({one.version: one.digest for one in row.registered()}.items()))
        if registered:
            key = (points[row.point.pk], row.subject.code, registered)
            read[key].append((_minute(row.read_at), row.version, row.digest))
    return [
        ((point, ""), software_off_register(rows, dict(registered)))
        for (point, _subject, registered), rows in sorted(read.items())
    ]


def _settings(
    group: Group, end: datetime
) -> dict[tuple[str, str], tuple[list[device_side.Setting], list[Registered]]]:
    """Return by place what devices reported of their settings, and what is registered."""
    series = {one.pk: place for place, one in group.places.items()}
    devices = {one.device_id: group.homes[place[0]] for place, one in group.places.items() if one.device_id}
    rows = Setting.objects.filter(Q(series__in=series) | Q(device__in=devices)).order_by("valid_from", "id")
    told: dict[tuple[str, str], tuple[list[device_side.Setting], list[Registered]]] = defaultdict(
        lambda: ([], [])
    )
    for row in rows:
        value = _number(row.value)
        if value is None or (row.valid_from is not None and row.valid_from >= end):
            continue
        place = series[row.series_id] if row.series_id else (devices[row.device_id], "")
        since = _minute(row.valid_from) if row.valid_from else 0
        if row.origin == "device":
            told[place][0].append(device_side.Setting(since, row.name, value, *_titles(row.name)))
        else:
            beyond = _minute(row.valid_to) if row.valid_to else None
            told[place][1].append(Registered(row.name, value, since, beyond))
    return dict(sorted(told.items()))


def _titles(setting: str) -> tuple[str, str]:
    """Return what people call a setting, in Chinese and English: the statement of a clue is kept in both."""
    with override("zh-hans"):
        zh = network.setting_title(setting)
    with override("en"):
        return zh, network.setting_title(setting)


def of_process(group: Group, panel: Panel, learned: Learned) -> list[Finding]:
    """Return what process logic says of the screened days of a group."""
    record = join(learned.history, panel)
    tests = outlet_tests(record, learned.models.context, _declared(group, record))
    for place, more in balance_tests(group, record).items():
        tests.setdefault(place, []).extend(more)
    found: list[Finding] = []
    for (s, p), own in sorted(tests.items()):
        station = record.stations[s].code
        if p == WHOLE_STATION:
            found.extend(process_findings(station, "", own, record.first_day, record.panel_days))
        else:
            described = record.parameters[p]
            found.extend(
                process_findings(
                    station,
                    described.code,
                    own,
                    record.first_day,
                    record.panel_days,
                    hourly=record.hourly[s, p],
                    unit=described.unit,
                )
            )
    return found


def _declared(group: Group, record: Record) -> Declared:
    """Return which stops people or devices declared, what people did and which settings changed, on the grid of a record."""
    declared = Declared.nothing(record)
    begin = midnight(day_of(record.first_day))
    end = begin + timedelta(days=record.days)
    station = {one.code: i for i, one in enumerate(record.stations)}
    parameter = {one.code: i for i, one in enumerate(record.parameters)}
    codes = {one.code: place for place, one in group.places.items()}
    for point in {one.point_id: one.point for one in group.places.values()}.values():
        stations = sorted(
            {station[place[0]] for place, one in group.places.items() if one.point_id == point.pk}
        )
        declared.stopped[stations] |= stopped_by_device(record, stations)
        for mark in observing.marks_in_force(point, begin, end):
            a, b = (int((moment - begin).total_seconds() // 3600) for moment in (mark.start, mark.end))
            if mark.kind == Mark.Kind.STOPPED:
                declared.stopped[stations, max(a, 0) : max(b, 0)] = True
            if mark.kind in TOUCHING:
                for place in (codes[code] for code in mark.series if code in codes):
                    days = slice(max(a // 24, 0), max(b // 24 + 1, 0))
                    declared.touched[station[place[0]], parameter[place[1]], days] = True
    for row in Setting.objects.filter(
        series__in=[one.pk for one in group.places.values()], valid_from__gte=begin, valid_from__lt=end
    ).select_related("series"):
        point_code, factor = codes[row.series.code]
        day = (row.valid_from - begin).days
        declared.touched[station[point_code], parameter[factor], day] = True
    return declared


def _minute(moment: datetime) -> int:
    """Return minutes since 1970-01-01 as the local clock shows them."""
    return int(moment.astimezone(UTC).timestamp()) // 60 + _EIGHT_HOURS


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if np.isfinite(found) else None
