"""From the lake to panels that screening understands: one panel for the comparable points of an element and city."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Q
from numpy.typing import NDArray

from qingjian.apps.accounts.models import Organisation
from qingjian.apps.integrity.models import Suspect
from qingjian.apps.network import queries as network
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.network.models import PermitLimit, Series
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Clue, Mark
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.lake.revisions import CORRECTION_SOURCE
from qingjian.screening.comparability import unit_factor
from qingjian.screening.panel import (
    CONTEXT,
    FLAG_CALIBRATION,
    FLAG_CODES,
    FLAG_FAULT,
    FLAG_MAINTENANCE,
    FLAG_NORMAL,
    FLAG_OTHER,
    MEASURED,
    Panel,
    Parameter,
    Station,
    panel_from_records,
)

ELEMENTS = ("air", "water", "gas_source", "water_source")
ORIGINS = ("device", "upstream", "simulated")
CONTEXT_MEDIA = frozenset({"weather", "process"})
CONTEXT_CODES = frozenset(
    {"a00000", "a01011", "a01012", "a01013", "a01014", "w00000", "w01x01", "a01001", "a01006", "a01007"}
)
"""Flow, velocity, temperature, pressure, humidity, stage: circumstances that explain, not what is screened."""
MOST_STATIONS = 40
"""Stations of one panel; more are cut into several, so that time and memory stay bounded."""
MARK_FLAGS = {
    Mark.Kind.MAINTENANCE: FLAG_MAINTENANCE,
    Mark.Kind.CALIBRATION: FLAG_CALIBRATION,
    Mark.Kind.FAULT: FLAG_FAULT,
    Mark.Kind.INVALID: FLAG_OTHER,
    Mark.Kind.STOPPED: FLAG_OTHER,
    Mark.Kind.VALID: FLAG_NORMAL,
}
CONCERNED = frozenset({Organisation.Kind.HOLDER, Organisation.Kind.MAINTENANCE, Organisation.Kind.AGENCY})
"""Organisations whose people mark their own data, or those of who pays them."""
_EIGHT_HOURS = 8 * 60


@dataclass
class Group:
    """Points whose series are screened together; `places` says where each series stands in the panel."""

    code: str
    element: str
    stations: list[Station] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    places: dict[tuple[str, str], Series] = field(default_factory=dict)
    """(station code, factor code) → series; a further monitor of a factor at a point is a station of its own."""
    homes: dict[str, str] = field(default_factory=dict)
    """Station code → first station of its point: what is said of a point is kept there."""
    scales: dict[int, float] = field(default_factory=dict)
    """Primary key of a series → what its values are multiplied by to stand in the unit of the factor, where that is not 1."""
    left_out: list[str] = field(default_factory=list)
    """Series that cannot be screened, with the reason."""

    def place(self, series: Series) -> tuple[str, str]:
        """Return station and factor of a series of the group."""
        return station_code(series), series.factor.code


def station_code(series: Series) -> str:
    """Return the code of the station a series stands at: its point, and the position where there are several."""
    code = series.point.code
    return code if series.position == 1 else f"{code}#{series.position}"


def groups() -> Iterator[Group]:
    """Yield the groups with their hourly series in force, in a fixed order."""
    for element in ELEMENTS:
        rows = [
            one
            for one in network.in_force(
                Series.objects.select_related("point__region", "point__outlet__source", "factor")
                .filter(point__kind__in=kinds_of(element), origin__in=ORIGINS, point__status="running")
                .order_by("point__code", "factor__code", "position", "id")
            )
            if "hour" in one.expected
        ]
        cities: dict[str, dict[str, list[Series]]] = {}
        for one in rows:
            # The first four digits of an administrative code are those of the city.
            cities.setdefault(one.point.region.code[:4], {}).setdefault(one.point.code, []).append(one)
        for city, points in sorted(cities.items()):
            codes = sorted(points)
            for part, begin in enumerate(range(0, len(codes), MOST_STATIONS)):
                chosen = codes[begin : begin + MOST_STATIONS]
                yield _group(f"{element}-{city}-{part}", element, [points[code] for code in chosen])


def _group(code: str, element: str, points: Sequence[Sequence[Series]]) -> Group:
    group = Group(code, element)
    factors: dict[str, Series] = {}
    for rows in points:
        point, home = rows[0].point, ""
        parent = point.outlet.source.code if point.outlet_id else point.region.code[:4]
        for one in rows:
            first = factors.get(one.factor.code, one)
            scale = unit_factor(one.unit, first.factor.unit or first.unit)
            if scale is None:
                group.left_out.append(
                    f"{one.code}：单位 {one.unit} 无法换算 / {one.code}: {one.unit} cannot be converted to "
                    f"{first.factor.unit or first.unit}"
                )
                continue
            station, place = station_code(one), group.place(one)
            if station not in {held.code for held in group.stations}:
                name = point.name if one.position == 1 else f"{point.name} ({one.position})"
                group.stations.append(Station(station, name, element, parent))
                home = home or station
                group.homes[station] = home
            # A measured series stands before a simulated one of the same factor.
            if place not in group.places or group.places[place].origin == "simulated":
                group.places[place] = one
                factors.setdefault(one.factor.code, one)
                if scale != 1:
                    group.scales[one.pk] = scale
    units = {factor: one.factor.unit or one.unit for factor, one in factors.items()}
    limits = _limits(group, units)
    steps: dict[str, float] = {}
    for (_station, factor), one in group.places.items():
        # The coarsest step of all: a monitor that shows fewer digits stands still more often.
        steps[factor] = max(steps.get(factor, 0.0), 10.0**-one.decimals * group.scales.get(one.pk, 1.0))
    for factor, one in sorted(factors.items()):
        context = one.medium in CONTEXT_MEDIA or one.factor.wire_code in CONTEXT_CODES
        group.parameters.append(
            Parameter(
                factor,
                one.factor.name_zh,
                units[factor],
                steps[factor],
                CONTEXT if context else MEASURED,
                limits.get(factor, float("nan")),
            )
        )
    return group


def _limits(group: Group, units: Mapping[str, str]) -> dict[str, float]:
    """Return the hourly limit of a factor, in its unit, where all outlets of the group have the same for the raw value."""
    outlets = {one.point.outlet_id for one in group.places.values() if one.point.outlet_id}
    found: dict[str, set[float]] = {}
    rows = PermitLimit.objects.filter(outlet_id__in=outlets, averaging="hour").select_related("factor")
    for limit in network.in_force(rows):
        upper, _lower = limit.sides(units.get(limit.factor.code, limit.unit)) or (None, None)
        if upper is not None:
            value = float("inf") if limit.converted else float(upper)
            found.setdefault(limit.factor.code, set()).add(value)
    return {
        factor: value
        for factor, values in found.items()
        if len(values) == 1 and (value := next(iter(values))) != float("inf")
    }


LeaveOut = Callable[[str, NDArray[np.int64]], NDArray[np.bool_]]
"""(series code, starts of its hours in UTC seconds) → which of them are not looked at."""


def read(group: Group, first: date, last: date, leave_out: LeaveOut | None = None) -> Panel:
    """Return the hourly values of a group from `first` to `last` as received, people's marks laid over the device's.

    What people corrected is not taken: a correction could hide what is looked for. Raises PanelError when there is nothing that can be put on a grid.
    """
    begin, end = midnight(first), midnight(last + timedelta(days=1))
    by_number = {one.pk: place for place, one in group.places.items()}
    table = _as_received(list(by_number), begin, end)
    number = table.column("series").to_numpy()
    second = pc.divide(table.column("start").cast("int64"), 1_000_000).to_numpy()
    value = table.column("value").to_numpy(zero_copy_only=False).astype(np.float64)
    flag = _flags(table.column("flag"))
    if leave_out is not None:
        kept = _kept(group, by_number, number, second, leave_out)
        number, second, value, flag = number[kept], second[kept], value[kept], flag[kept]
    _lay_marks(group, number, second, flag, begin, end)
    return _declared(group, _gridded(group, by_number, number, second, value, flag), begin, end)


def _kept(
    group: Group,
    by_number: Mapping[int, tuple[str, str]],
    number: NDArray[np.int32],
    second: NDArray[np.int64],
    leave_out: LeaveOut,
) -> NDArray[np.bool_]:
    kept = np.ones(len(number), np.bool_)
    for key in np.unique(number).tolist():
        own = number == key
        kept[own] = ~leave_out(group.places[by_number[key]].code, second[own])
    return kept


def _as_received(series: Sequence[int], begin: datetime, end: datetime) -> pa.Table:
    """Return the newest hour values that no person wrote, sorted by series and start."""
    columns = ("series", "start", "revision", "value", "flag", "source")
    table = stores.lake().series(series, "hour", begin, end, columns=columns)
    corrected = _by_people(table)
    if not pc.any(corrected).as_py():
        return table
    touched = table.filter(corrected)
    every = stores.lake().series(
        pc.unique(touched.column("series")).to_pylist(),
        "hour",
        pc.min(touched.column("start")).as_py(),
        pc.max(touched.column("start")).as_py() + timedelta(microseconds=1),
        all_revisions=True,
        columns=columns,
    )
    received = every.filter(pc.invert(_by_people(every)))
    newest = received.group_by(["series", "start"]).aggregate([("revision", "max")])
    keys = ["series", "start", "revision"]
    newest = newest.rename_columns([one.removesuffix("_max") for one in newest.column_names])
    last = received.join(newest.select(keys), keys, join_type="inner")
    replaced = last.join(touched.select(["series", "start"]), ["series", "start"], join_type="inner")
    whole = pa.concat_tables([table.filter(pc.invert(corrected)), replaced.select(columns)])
    return whole.sort_by([("series", "ascending"), ("start", "ascending")])


def _by_people(table: pa.Table) -> pa.ChunkedArray:
    """Say of each row whether a person's correction made it."""
    return pc.fill_null(pc.starts_with(table.column("source"), CORRECTION_SOURCE), False)


def _gridded(
    group: Group,
    by_number: Mapping[int, tuple[str, str]],
    number: NDArray[np.int32],
    second: NDArray[np.int64],
    value: NDArray[np.float64],
    flag: NDArray[np.uint8],
) -> Panel:
    """Put hour values on a grid of whole days; sparse series stay hourly, with hours that are empty."""
    station_at = {one.code: i for i, one in enumerate(group.stations)}
    parameter_at = {one.code: i for i, one in enumerate(group.parameters)}
    keys = np.array(sorted(by_number), np.int64)
    station = np.array([station_at[by_number[key][0]] for key in keys.tolist()], np.int64)
    parameter = np.array([parameter_at[by_number[key][1]] for key in keys.tolist()], np.int64)
    scale = np.array([group.scales.get(key, 1.0) for key in keys.tolist()], np.float64)
    at = np.searchsorted(keys, number)
    value = np.where(scale[at] == 1.0, value, value * scale[at]) if len(value) else value
    return panel_from_records(
        group.stations,
        group.parameters,
        station[at],
        parameter[at],
        second // 60 + _EIGHT_HOURS,
        value,
        flag,
        step=60,
    )


def _flags(column: object) -> NDArray[np.uint8]:
    encoded = pc.dictionary_encode(pc.fill_null(column, "")).combine_chunks()
    known = np.array([FLAG_CODES.get(text, FLAG_OTHER) for text in encoded.dictionary.to_pylist()], np.uint8)
    places = encoded.indices.to_numpy(zero_copy_only=False)
    return known[places] if len(known) else np.zeros(len(places), np.uint8)


def _lay_marks(
    group: Group,
    number: NDArray[np.int32],
    second: NDArray[np.int64],
    flag: NDArray[np.uint8],
    begin: datetime,
    end: datetime,
) -> None:
    codes = {one.code: one.pk for one in group.places.values()}
    points = {one.point_id: one.point for one in group.places.values()}
    for point in points.values():
        for mark in observing.marks_in_force(point, begin, end):
            # What a unit says of its own data stands beside it (see `_declared`); it takes no value away from the screening.
            if mark.author.organisation.kind in CONCERNED:
                continue
            meaning = MARK_FLAGS.get(mark.kind)
            own = [codes[code] for code in mark.series if code in codes]
            if meaning is None or not own:
                continue
            inside = (second >= mark.start.timestamp()) & (second < mark.end.timestamp())
            flag[inside & np.isin(number, own)] = meaning


def _declared(group: Group, panel: Panel, begin: datetime, end: datetime) -> Panel:
    """Return a panel with what units marked of their own data laid beside it: no value goes, but marks at high levels tell."""
    station_at = {one.code: i for i, one in enumerate(panel.stations)}
    parameter_at = {one.code: i for i, one in enumerate(panel.parameters)}
    places = {one.code: place for place, one in group.places.items()}
    declared = np.zeros(panel.values.shape, np.uint8)
    start = midnight(day_of(panel.first_day))
    for point in {one.point_id: one.point for one in group.places.values()}.values():
        for mark in observing.marks_in_force(point, begin, end):
            meaning = MARK_FLAGS.get(mark.kind)
            if meaning is None or mark.author.organisation.kind not in CONCERNED:
                continue
            first, beyond = (
                int(
                    np.clip(
                        np.ceil((moment - start) / timedelta(minutes=panel.step)), 0, panel.values.shape[2]
                    )
                )
                for moment in (mark.start, mark.end)
            )
            for code in mark.series:
                if code in places:
                    station, factor = places[code]
                    declared[station_at[station], parameter_at[factor], first:beyond] = meaning
    return replace(panel, declared=declared) if declared.any() else panel


def without_clues(group: Group, history: Panel) -> Panel:
    """Return a history without the days that are under an open or confirmed clue: they do not teach what is normal."""
    values = history.values.copy()
    station_at = {one.code: i for i, one in enumerate(history.stations)}
    parameter_at = {one.code: i for i, one in enumerate(history.parameters)}
    places = {one.pk: place for place, one in group.places.items()}
    rows = Suspect.objects.filter(series__in=places).filter(
        # What people confirmed stays false, whether screening finds it again or not.
        Q(clue__state=Clue.State.CONFIRMED) | Q(clue__state=Clue.State.OPEN, withdrawn=False)
    )
    for one in rows:
        point, factor = places[one.series_id]
        first = max(day_number(one.first_day) - history.first_day, 0)
        beyond = min(day_number(one.last_day) + 1 - history.first_day, history.days)
        if beyond > first:
            part = slice(first * history.per_day, beyond * history.per_day)
            values[station_at[point], parameter_at[factor], part] = np.nan
    return replace(history, values=values)


def day_number(day: date) -> int:
    """Return days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def day_of(number: int) -> date:
    """Inverse of `day_number`."""
    return date(1970, 1, 1) + timedelta(days=number)


def midnight(day: date) -> datetime:
    """Return the beginning of a natural day."""
    return datetime.combine(day, time(), CHINA).astimezone(UTC)


def yesterday() -> date:
    """Return the last natural day that is over."""
    return now().astimezone(CHINA).date() - timedelta(days=1)
