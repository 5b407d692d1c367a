"""Any CSV as a device: columns become factors, rows become records."""

from __future__ import annotations

import bisect
import csv
import gzip
import io
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from qingjian.contracts.clock import CHINA
from qingjian.simulator.readings import Reading
from qingjian.simulator.schedule import Due

_MAPPING = re.compile(
    r"(?P<column>.+)=(?P<factor>[A-Za-z0-9_]+)(?:-(?P<suffix>[A-Za-z]+))?(?:\*(?P<scale>[0-9.eE+-]+))?"
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_PLAIN = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
STATISTICS = ("realtime", "minute", "hour", "day")
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y%m%d%H%M%S", "%Y%m%d%H%M")


class CsvError(ValueError):
    """A file or mapping that cannot be used; the message says where and what would be right, in both languages."""


class Column(NamedTuple):
    """One column of the file and what it becomes."""

    column: str
    factor: str
    suffix: str
    scale: float


def mapping(texts: Sequence[str]) -> list[Column]:
    """Read `COLUMN=FACTOR[-SUFFIX][*SCALE]` texts; without a suffix the statistic decides (Rtd or Avg)."""
    found = []
    for text in texts:
        match = _MAPPING.fullmatch(text)
        if match is None:
            raise CsvError(
                f"映射 {text!r} 应为 列名=因子[-后缀][*倍数] / mapping should be COLUMN=FACTOR[-SUFFIX][*SCALE]"
            )
        try:
            scale = float(match["scale"] or 1)
        except ValueError:
            scale = math.nan
        if not math.isfinite(scale):
            raise CsvError(f"倍数不是数字 / scale is no number: {match['scale']!r}")
        found.append(Column(match["column"], match["factor"], match["suffix"] or "", scale))
    if not found:
        raise CsvError("至少需要一个映射 / at least one mapping is needed")
    return found


def time_of(text: str) -> datetime | None:
    """Return an aware time; without a zone it is UTC+08:00. None when it cannot be read."""
    text = text.strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        for form in _TIMES:
            try:
                moment = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is set below
                break
            except ValueError:
                continue
        else:
            return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=CHINA)


def _scaled(text: str, scale: float) -> str:
    """Return the number as a device writes it: no plus sign, no exponent; unscaled digits stay as they are."""
    if scale != 1.0:
        return f"{float(text) * scale:.6f}".rstrip("0").rstrip(".")
    return text if _PLAIN.fullmatch(text) else format(Decimal(text), "f")


@dataclass(frozen=True)
class CsvRecorder:
    """The rows of one file by time; also what was left out of it."""

    statistic: str
    """realtime, minute, hour or day."""
    step: timedelta
    times: Sequence[datetime]
    rows: Mapping[datetime, Sequence[Reading]]
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason → number of cells or rows."""

    def record(self, statistic: str, start: datetime, length: int) -> Sequence[Reading]:
        return self.rows.get(start, ()) if statistic == self.statistic else ()

    def between(self, begin: datetime, end: datetime) -> list[datetime]:
        """Return the times in [begin, end)."""
        return list(self.times[bisect.bisect_left(self.times, begin) : bisect.bisect_left(self.times, end)])


def statistic_of(step: timedelta) -> str:
    """Return the statistic that a spacing of rows suggests."""
    if step >= timedelta(days=1):
        return "day"
    if step >= timedelta(hours=1):
        return "hour"
    return "minute" if step >= timedelta(minutes=1) else "realtime"


def read(path: Path, columns: Sequence[Column], *, time_column: str = "", statistic: str = "") -> CsvRecorder:
    """Read a CSV file (UTF-8 or GB18030, plain or .gz; commas, semicolons or tabs) with a header row.

    `time_column` defaults to the first column, `statistic` to what the spacing of the rows suggests. Cells that are
    no numbers are left out and counted, rows without a readable time too. CsvError when nothing can be used.
    """
    if statistic and statistic not in STATISTICS:
        raise CsvError(
            f"统计类型应为 / the statistic should be one of {', '.join(STATISTICS)}: {statistic!r}"
        )
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise CsvError(f"无法读取 / cannot read {path}: {error}") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", "replace")
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = reader.fieldnames or []
    time_name = time_column or (names[0] if names else "")
    absent = [name for name in (time_name, *(one.column for one in columns)) if name not in names]
    if absent:
        raise CsvError(
            f"文件没有这些列 / columns not in the file: {', '.join(absent)}；有 / it has: {', '.join(names)}"
        )
    cells: dict[datetime, list[tuple[Column, str]]] = {}
    left_out: Counter[str] = Counter()
    try:
        for row in reader:
            moment = time_of(row.get(time_name) or "")
            if moment is None:
                left_out["time"] += 1
                continue
            if moment in cells:
                left_out["repeated_time"] += 1
                continue
            cells[moment] = []
            for one in columns:
                cell = (row.get(one.column) or "").strip()
                if one.suffix == "Flag" or _NUMBER.fullmatch(cell):
                    cells[moment].append((one, cell))
                else:
                    left_out["value"] += 1
    except csv.Error as error:
        raise CsvError(
            f"第 {reader.line_num} 行不是 CSV / line {reader.line_num} is no CSV: {error}"
        ) from error
    times = sorted(moment for moment, found in cells.items() if found)
    if not times:
        raise CsvError(f"没有可用的行 / no usable row in {path}；{dict(left_out)}")
    gaps = Counter(later - earlier for earlier, later in pairwise(times))
    step = gaps.most_common(1)[0][0] if gaps else timedelta(hours=1)
    chosen = statistic or statistic_of(step)
    suffix = "Rtd" if chosen == "realtime" else "Avg"
    rows = {moment: _readings(cells[moment], suffix) for moment in times}
    return CsvRecorder(chosen, step, times, rows, dict(left_out))


def _readings(cells: Sequence[tuple[Column, str]], suffix: str) -> list[Reading]:
    values: dict[str, dict[str, str]] = {}
    for column, cell in cells:
        own = values.setdefault(column.factor, {})
        own[column.suffix or suffix] = cell if column.suffix == "Flag" else _scaled(cell, column.scale)
    for own in values.values():
        own["Flag"] = own.pop("Flag", "") or "N"
    return [Reading(factor, own) for factor, own in values.items() if len(own) > 1]


class CsvFeed:
    """The rows of a file at a speed: a row falls due when so much time has passed as lies between it and the first."""

    def __init__(self, recorder: CsvRecorder, begun: datetime, speed: float) -> None:
        """`speed` 60 plays an hour in a minute. ValueError unless it is a positive number."""
        if not (math.isfinite(speed) and speed > 0):
            raise ValueError(f"速度应为正数 / the speed must be a positive number: {speed}")
        self._recorder = recorder
        self._begun = begun
        self._speed = speed
        self._place = 0

    @property
    def finished(self) -> bool:
        return self._place >= len(self._recorder.times)

    def change(self, statistic: str, length: int, now: datetime) -> None:
        """Rows of a file have the spacing of the file; nothing changes."""

    def due(self, now: datetime) -> list[Due]:
        times = self._recorder.times
        played = times[0] + (now - self._begun) * self._speed
        begin = self._place
        self._place = max(begin, bisect.bisect_right(times, played))
        length = max(1, int(self._recorder.step.total_seconds()))
        return [Due(self._recorder.statistic, at, length) for at in times[begin : self._place]]


def moved(recorder: CsvRecorder, by: timedelta) -> CsvRecorder:
    """Return the same rows at times moved by a constant, e.g. to let a file of the past begin now."""
    rows = {at + by: readings for at, readings in recorder.rows.items()}
    return CsvRecorder(
        recorder.statistic, recorder.step, [at + by for at in recorder.times], rows, recorder.left_out
    )
