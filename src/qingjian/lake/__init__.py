"""The lake: every observation, statement and frame in Delta tables, with all revisions; see README.md."""

from qingjian.lake.building import candidates
from qingjian.lake.numbers import Decimals, as_text, from_float, from_text
from qingjian.lake.reader import LakeReader, LakeTooNewError
from qingjian.lake.schemas import (
    CANDIDATES,
    FRAMES,
    NUMBERS,
    QUALIFIERS,
    RESULT,
    STATEMENTS,
    STATISTIC_CODES,
    Batch,
)
from qingjian.lake.store import Appended, Lake, LakeBusyError

__all__ = [
    "CANDIDATES",
    "FRAMES",
    "NUMBERS",
    "QUALIFIERS",
    "RESULT",
    "STATEMENTS",
    "STATISTIC_CODES",
    "Appended",
    "Batch",
    "Decimals",
    "Lake",
    "LakeBusyError",
    "LakeReader",
    "LakeTooNewError",
    "as_text",
    "candidates",
    "from_float",
    "from_text",
]
