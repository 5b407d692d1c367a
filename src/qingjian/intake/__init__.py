"""Intake: observations from CSV and XLSX files and from tables; see README.md."""

from qingjian.intake.importing import KeptFiles, import_file, import_table
from qingjian.intake.interpreting import Prepared, prepare
from qingjian.intake.problems import IntakeError, Problem
from qingjian.intake.sheets import read_sheet
from qingjian.intake.source import ImportResult, ImportSource, file_digest
from qingjian.intake.spool import Spool, submit
from qingjian.intake.workbooks import read_table

__all__ = [
    "ImportResult",
    "ImportSource",
    "IntakeError",
    "KeptFiles",
    "Prepared",
    "Problem",
    "Spool",
    "file_digest",
    "import_file",
    "import_table",
    "prepare",
    "read_sheet",
    "read_table",
    "submit",
]
