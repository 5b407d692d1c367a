"""Which row of a source stands for a moment of the demo: pure functions on civil time.

Civil time here is naive local time: that of the source's place on one side, UTC+08:00 on the other. A pass of a
source is its whole length moved by whole years. A pass takes as many years as the source covers, rounded up, so the
passes follow each other without overlap and a season stays a season:

* within a pass a moment stands for the source's moment with the same month, day and time;
* 29 February, where the source year has none, stands for the source's 28 February;
* after the source's end and before the next pass the source starts again from its beginning;
* every pass but the first is `wrapped`: its values were shown before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Span:
    """Source period [start, end) on a grid of `step`, and the whole years that carry it to its first pass."""

    start: datetime
    end: datetime
    step: timedelta
    shift_years: int

    def __post_init__(self) -> None:
        if self.start.tzinfo is not None or self.end.tzinfo is not None:
            raise ValueError("a span is in civil time, without a zone")
        if (self.start.month, self.start.day) == (2, 29):
            raise ValueError("a source that begins on 29 February has no anniversary")
        if not self.start < self.end or (self.end - self.start) % self.step:
            raise ValueError("a span is a positive number of steps")

    @property
    def years(self) -> int:
        """Years of one pass: the length of the source, rounded up."""
        count = 1
        while self.start.replace(year=self.start.year + count) < self.end:
            count += 1
        return count

    @property
    def rows(self) -> int:
        return (self.end - self.start) // self.step


@dataclass(frozen=True, slots=True)
class Position:
    """Where a moment of the demo stands in its source."""

    row: int
    time: datetime
    """The source's own civil time of that row (a mere running number where the source has no times)."""
    pass_number: int
    """0 is the pass that holds late 2026; passes before it are negative."""
    restarted: bool
    """The source had ended inside this pass and runs again from its beginning."""
    repeated_leap_day: bool
    """29 February shows the values of the source's 28 February."""

    @property
    def wrapped(self) -> bool:
        """The value stands in another place of the demo's time too."""
        return self.restarted or self.repeated_leap_day or self.pass_number != 0


def add_years(moment: datetime, years: int) -> datetime:
    """Return the anniversary `years` later; 29 February becomes 28 February where that year has none."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, day=28)


def position(span: Span, moment: datetime) -> Position:
    """Return the source row for a civil moment of the demo, which is cut down to the source's grid."""
    if moment.tzinfo is not None:
        raise ValueError("give civil time, without a zone")
    years = span.years
    number = (moment.year - span.start.year - span.shift_years) // years
    while moment < add_years(span.start, span.shift_years + number * years):
        number -= 1
    while moment >= add_years(span.start, span.shift_years + (number + 1) * years):
        number += 1
    shift = span.shift_years + number * years
    source = add_years(moment, -shift)
    repeated = source.day != moment.day
    restarted = source >= span.end
    if restarted:
        elapsed = moment - add_years(span.end, shift)
        source = span.start + elapsed % (span.end - span.start)
        repeated = False
    row = (source - span.start) // span.step
    return Position(row, span.start + row * span.step, number, restarted, repeated)
