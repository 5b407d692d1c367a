"""Where and when a replayed value of the demo county was really measured; nothing on any other node."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt
from django.conf import settings

from qingjian.apps.observing.statuses import english


def original(series: str, start: datetime) -> str:
    """Return original time and place of the value of a period, in the reader's language; "" when nothing is replayed."""
    if not settings.CONFIGURATION.demo:
        return ""
    from qingjian.simulator.demo import original_time

    try:
        found = original_time(series, start)
    except KeyError:  # registered on this node, not of the demo county
        return ""
    if found is None:
        return ""
    return found.note_en if english() else found.note_zh


def played_again(series: str, starts: npt.NDArray[np.int64], period: int) -> list[tuple[int, int]]:
    """Return the stretches [from, to) in seconds in which a source that had ended plays again from its beginning.

    `starts` are the sorted beginnings of periods of so many seconds.
    """
    if not settings.CONFIGURATION.demo or not len(starts):
        return []
    from qingjian.simulator.demo import shown_twice

    again = np.flatnonzero(shown_twice(series, starts))
    if not len(again):
        return []
    pieces = np.split(again, np.flatnonzero(np.diff(again) > 1) + 1)
    return [(int(starts[piece[0]]), int(starts[piece[-1]]) + period) for piece in pieces]
