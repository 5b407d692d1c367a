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
    "failed": ("处理该文件时出错，没有采用任何数据", "processing the file failed; nothing of it was taken"),
    "series-unknown": ("名录中没有这个序列", "the directory knows no such series"),
    "statistic-unknown": ("统计类型不能识别", "the statistic is not known"),
    "time-malformed": ("时间不能识别", "the time cannot be read"),
    "time-implausible": (
        "时间不在 1970 至 2099 年之间",
        "the time is not within the years 1970 to 2099",
    ),
    "time-future": (
        "时间在未来：监测值的日期不能晚于导入的时刻，请核对日期",
        "the time lies in the future: nothing can be measured after the moment of the import; check the date",
    ),
    "time-off-period": ("时间不在时段的起点上", "the time is not at the beginning of a period"),
    "time-names": (
        "时间列的含义只能是 start（起点）或 end（终点）",
        "the time column names the start or the end of a period, nothing else",
    ),
    "sheets-left": (
        "只读取第一张工作表，其他工作表未读取，请分别导入",
        "only the first worksheet was read; bring the others in files of their own",
    ),
    "sheets-several": (
        "其他工作表中还有内容，请把每张表另存为单独的文件分别导入",
        "further worksheets hold something: save each table in a file of its own",
    ),
    "unpacks-too-large": (
        "文件解压后过大，请只保留这张表",
        "unpacked, the file would be too large: keep only the table in it",
    ),
    "too-wide": (
        "有内容的单元格在可读取的列之外",
        "a cell that holds something stands beyond the columns that are read",
    ),
    "cells-merged": (
        "有合并的单元格，合并后只有第一格有值：请取消合并，每行都填写",
        "cells are merged, so that only the first of them holds the value: unmerge them and fill in every row",
    ),
    "formula-without-result": (
        "公式没有保存计算结果：请用 Excel 打开并保存，或直接填写数值",
        "a formula has no stored result: open the file in Excel and save it, or write the value itself",
    ),
    "cell-error": ("单元格是错误值", "the cell holds an error"),
    "value-malformed": ("数值不能识别", "the value is not a number"),
    "limit-missing": (
        "未检出而没有检出限：请写成 0.05L 或 <0.05，或在“检出限”一列填写，或由名录登记该序列的检出限",
        "not detected, and no detection limit is known: write 0.05L or <0.05, fill in a column “detection limit”, or let "
        "the register name the limit of the series",
    ),
    "limit-of-which": (
        "一列“检出限”对应多个监测项目，无法区分：请把检出限写在数值里（0.05L），或改用一行一个数值的格式",
        "one column of detection limits beside several measured columns: write the limit with the value (0.05L), or "
        "give one value a row",
    ),
    "column-of-which": (
        "这些列对应多个监测项目，无法区分：请改用一行一个数值的格式",
        "these columns stand beside several measured columns: give one value a row",
    ),
    "cell-without-head": (
        "有内容的单元格没有列名（数值中是否多了逗号？）：请补列名或删除该内容",
        "a cell that holds something has no head (a comma within a number?): give its column a head or empty the cell",
    ),
    "value-missing": ("没有数值也没有标记", "there is neither a value nor a flag"),
    "unit-differs": ("单位与序列不符", "the unit is not that of the series"),
    "period-contradicted": (
        "同一序列同一时间出现多次且内容不同",
        "the same series and time occurs more than once with different contents",
    ),
    "measured-otherwise": (
        "设备已上报（或平台已计算）该时段的数值，文件不能改变它；确需更改的，请提出数据更正，由第二人审批",
        "a device sent (or the platform computed) another value for this time, which a file does not change; propose a "
        "correction, which a second person approves",
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

    def text(self, language: str) -> str:
        """Return the complaint in Chinese or English, for a language code such as zh-hans or en."""
        return self.en if language.startswith("en") else self.zh

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
