"""Automatic checks of observations with the settings a directory had for their time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from qingjian.contracts.directory import Directory, Setting
from qingjian.quality.checks import Hits, catalogue, run_checks
from qingjian.quality.configured import SETTING_NAMES, Given, check_settings
from qingjian.quality.observations import Bools, Observations, SeriesInfo

DOUBTING = frozenset(one.id for one in catalogue() if one.doubts_value)
"""Checks whose hit makes a value doubtful. Each looks at one period only, so rows can be judged piece by piece."""


def checked_settings(directory: Directory, code: str) -> frozenset[Setting]:
    """Return the settings of a series, of all times, that have a say in checks."""
    return frozenset(one for one in directory.settings_of(code) if one.name in SETTING_NAMES)


def doubted(directory: Directory, series: Sequence[SeriesInfo], observations: Observations) -> Hits:
    """Run the doubting checks over rows (as `run_checks` wants them), each with the settings of its own time."""
    return checked(directory, series, observations, DOUBTING)


def checked(
    directory: Directory,
    series: Sequence[SeriesInfo],
    observations: Observations,
    only: Collection[str],
    usable: Bools | None = None,
) -> Hits:
    """Run some checks over rows, each with the settings of its own time; a run ends where a setting changes.

    `usable`: rows to look at, all when None.
    """
    facts = {one.id: fact for one in series if (fact := directory.series_by_id(one.id)) is not None}
    settings = {
        number: sorted(
            checked_settings(directory, fact.code), key=lambda one: (one.name, str(one.valid_from))
        )
        for number, fact in facts.items()
    }
    settings = {number: held for number, held in settings.items() if held}
    nothing = run_checks(observations, [], only=only)
    if not settings or not len(observations):
        return nothing
    places = {number: fact.point for number, fact in facts.items()}
    units = {number: fact.unit for number, fact in facts.items()}
    borders = _borders(settings)
    piece = np.searchsorted(np.asarray(borders, np.int64), observations.start, "right")
    found = [nothing]
    for number in np.unique(piece).tolist():
        rows = np.flatnonzero(piece == number)
        at = datetime.fromtimestamp(borders[number - 1] if number else int(observations.start.min()) - 1, UTC)
        held = check_settings(series, places, units, _in_force(settings, at))
        part = observations.take(rows)
        hits = run_checks(part, held, usable=None if usable is None else usable[rows], only=only)
        found.append(Hits(hits.check, rows[hits.row], hits.found, hits.allowed))
    columns = ([getattr(one, name) for one in found] for name in ("check", "row", "found", "allowed"))
    return Hits(*(np.concatenate(column) for column in columns))


def suspect(directory: Directory, series: Sequence[SeriesInfo], observations: Observations) -> Bools:
    """Return for each row whether a doubting check hit it."""
    return doubted(directory, series, observations).suspect(len(observations))


def _borders(settings: Mapping[int, Sequence[Setting]]) -> list[int]:
    """Return the seconds at which a setting begins or ends."""
    moments = {
        int(moment.timestamp())
        for held in settings.values()
        for one in held
        for moment in (one.valid_from, one.valid_to)
        if moment is not None
    }
    return sorted(moments)


def _in_force(settings: Mapping[int, Sequence[Setting]], at: datetime) -> dict[int, dict[str, Given]]:
    return {
        number: {one.name: Given(one.value, one.unit) for one in held if one.in_force(at)}
        for number, held in settings.items()
    }
