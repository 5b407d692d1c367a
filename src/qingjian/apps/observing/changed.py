"""Every change that a finding "changed after the fact" is about: the finding lists the first, the lake has them all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, overload

import numpy as np
import pyarrow as pa
from django.utils.translation import gettext as _

from qingjian.apps.network.models import Series
from qingjian.apps.observing import stores
from qingjian.apps.observing.evidence import FIGURES
from qingjian.apps.observing.models import FindingRecord

RULE = "changed-after-the-fact"
_COLUMNS = (*FIGURES, "source", "journal", "sequence")


class Changes(Sequence[Mapping[str, Any]]):
    """Changed periods in their order, each with both sides as evidence has them, when it became known and its revision."""

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows
        revision = rows.column("revision").to_numpy()
        self._places = np.flatnonzero(revision > 0)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> list[Mapping[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> Mapping[str, Any] | list[Mapping[str, Any]]:
        if isinstance(place, slice):
            return [self._change(int(one)) for one in self._places[place]]
        return self._change(int(self._places[place]))

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return (self._change(int(one)) for one in self._places)

    def _change(self, row: int) -> Mapping[str, Any]:
        old, new = self._rows.slice(row - 1, 2).to_pylist()
        sides = {
            side: {name: one[name] for name in (*FIGURES, "source") if one[name] is not None}
            for side, one in (("old", old), ("new", new))
        }
        return {
            "start": new["start"].isoformat(),
            "at": new["start"],
            "revision": new["revision"],
            "known_at": new["known_at"],
            **sides,
            "frames": [[one["journal"], one["sequence"]] for one in (old, new)],
        }


def changes(finding: FindingRecord) -> Changes | tuple[()]:
    """Return every change of the stretch a finding is about, later ones too; nothing of another rule.

    The series may be out of service: the lake is asked by its number all the same.
    """
    if finding.rule != RULE or finding.end is None:
        return ()
    number = Series.objects.filter(code=finding.subject).values_list("pk", flat=True).first()
    if number is None:
        return ()
    end = max(finding.end, finding.start + timedelta(microseconds=1))
    columns = ("start", "revision", "known_at", *_COLUMNS)
    return Changes(
        stores.lake().series(
            [number], finding.evidence["statistic"], finding.start, end, all_revisions=True, columns=columns
        )
    )


def heads() -> list[str]:
    """Return the titles of the columns that `cells` fills."""
    sides = [f"{title} ({side})" for title in FIGURES.values() for side in (_("before"), _("after"))]
    return [_("Period"), _("Revision"), _("Known since"), *sides, _("Frame before"), _("Frame after")]


def cells(one: Mapping[str, Any]) -> list[Any]:
    """Return one change as a line of a workbook."""
    figures = [one[side].get(name) for name in FIGURES for side in ("old", "new")]
    frames = ["/".join(map(str, frame)) if all(frame) else None for frame in one["frames"]]
    return [one["at"], one["revision"], one["known_at"], *figures, *frames]
