"""What is wrong with a row or a file, said in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MESSAGES: Mapping[str, tuple[str, str]] = {
    "unreadable": ("文件无法读取", "the file cannot be read"),
    "too-large": ("文件过大", "the file is too large"),
    "empty": ("文件没有数据行", "the file has no rows"),
    "kind": ("只接受 CSV 和 XLSX 文件", "only CSV and XLSX files are accepted"),
    "columns": ("缺少必需的列", "required columns are missing"),
    "column-repeated": ("列名重复", "a column name occurs twice"),
    "series-unknown": ("名录中没有这个序列", "the directory knows no such series"),
    "statistic-unknown": ("统计类型不能识别", "the statistic is not known"),
    "time-malformed": ("时间不能识别", "the time cannot be read"),
    "time-off-period": ("时间不在整点周期上", "the time is not at the beginning of a period"),
    "value-malformed": ("数值不能识别", "the value is not a number"),
    "value-missing": ("没有数值也没有标记", "there is neither a value nor a flag"),
    "unit-differs": ("单位与序列不符", "the unit is not that of the series"),
    "period-contradicted": (
        "同一序列同一时间出现多次且内容不同",
        "the same series and time occurs more than once with different contents",
    ),
    "not-valid-then": ("该序列在这一时间无效", "the series was not valid at that time"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint; row counts as a spreadsheet does (the header is row 1), 0 for the whole file."""

    row: int
    column: str
    code: str
    value: str = ""

    @property
    def zh(self) -> str:
        return self._text(0, "第 {row} 行", "“{value}”")

    @property
    def en(self) -> str:
        return self._text(1, "row {row}", '"{value}"')

    def _text(self, language: int, place: str, quoted: str) -> str:
        parts = [MESSAGES[self.code][language]]
        if self.value:
            parts.append(quoted.format(value=self.value))
        where = [place.format(row=self.row)] if self.row else []
        where += [self.column] if self.column else []
        return f"{' '.join(where)}: {' '.join(parts)}" if where else " ".join(parts)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "zh": self.zh, "en": self.en}


class IntakeError(ValueError):
    """A file of which nothing can be taken; carries one problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.zh} · {problem.en}")
        self.problem = problem
