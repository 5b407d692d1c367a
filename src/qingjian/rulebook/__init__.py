"""Limits, rules, deadlines and checks as data: one home, versioned, dated, with confidence and source."""

from qingjian.rulebook.book import Difference, Rulebook, difference, may_act_alone, packaged
from qingjian.rulebook.loading import RowError, load_csv, load_lines
from qingjian.rulebook.row import Confidence, Confirmation, Row
from qingjian.rulebook.tables import TABLES, TableDefinition

__all__ = [
    "TABLES",
    "Confidence",
    "Confirmation",
    "Difference",
    "Row",
    "RowError",
    "Rulebook",
    "TableDefinition",
    "difference",
    "load_csv",
    "load_lines",
    "may_act_alone",
    "packaged",
]
