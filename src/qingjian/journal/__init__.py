"""The journal (流水): the append-only record of every frame, on disk before anybody is told it was received."""

from qingjian.journal.frame import Batch, Code, Frame, Kind, NewFrame, now_microseconds
from qingjian.journal.reader import JournalReader, journals
from qingjian.journal.retention import RetentionError, delete_segments
from qingjian.journal.segment import (
    Continuation,
    Damage,
    JournalError,
    JournalTooNewError,
    JournalUnavailableError,
    continuations,
    continue_above,
    damages,
)
from qingjian.journal.writer import JournalInUseError, JournalLimits, JournalWriter

__all__ = [
    "Batch",
    "Code",
    "Continuation",
    "Damage",
    "Frame",
    "JournalError",
    "JournalInUseError",
    "JournalLimits",
    "JournalReader",
    "JournalTooNewError",
    "JournalUnavailableError",
    "JournalWriter",
    "Kind",
    "NewFrame",
    "RetentionError",
    "continuations",
    "continue_above",
    "damages",
    "delete_segments",
    "journals",
    "now_microseconds",
]
