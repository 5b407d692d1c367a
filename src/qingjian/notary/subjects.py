"""Names under which the notary finds its own entries again."""

from __future__ import annotations

from qingjian.ledger.entries import Day, Entry, Frames


def frames_subject(journal: str, first: int) -> str:
    """A frame batch by its journal and first sequence."""
    return f"frames/{journal}/{first}"


def day_subject(day: str, revision: int) -> str:
    """A seal of a day by its revision."""
    return f"day/{day}/{revision}"


def subject_of(entry: Entry) -> str | None:
    """Subject of an entry that went through the notary's own queue, None for all others."""
    match entry:
        case Frames(journal, first):
            return frames_subject(journal, first)
        case Day(day, revision):
            return day_subject(day.isoformat(), revision)
        case _:
            return None
