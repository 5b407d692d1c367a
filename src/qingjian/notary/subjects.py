"""Names under which the notary finds its own entries again."""

from __future__ import annotations

from collections.abc import Sequence

from qingjian.ledger.entries import Day, Entry, Frames


def frames_subject(journal: str, first: int, last: int | None = None) -> str:
    """A frame batch by its journal and first sequence.

    With `last` the shorter batch of a restored journal: the backup held only the beginning of the batch that the ledger
    has under the plain name.
    """
    return f"frames/{journal}/{first}" + ("" if last is None else f"/{last}")


def day_subject(day: str, revision: int) -> str:
    """A seal of a day by its revision."""
    return f"day/{day}/{revision}"


def subjects_of(entry: Entry) -> Sequence[str]:
    """Subjects an entry can have that went through the notary's own queue, none for all others."""
    match entry:
        case Frames(journal, first, last):
            return frames_subject(journal, first), frames_subject(journal, first, last)
        case Day(day, revision):
            return (day_subject(day.isoformat(), revision),)
        case _:
            return ()
