"""The lake: every observation, statement and frame in Delta tables, with all revisions; see README.md."""

import sys
from importlib.util import find_spec

# At each conversion of Python values pyarrow looks on the disk for a module that is not there, which takes several times
# as long as the conversion; it is told once.
if find_spec("dateutil") is None:
    sys.modules["dateutil"] = None  # type: ignore[assignment]

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
