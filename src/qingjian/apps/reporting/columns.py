"""How wide the columns of a report's tables are: by the length of their texts, in Word and PDF alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WIDEST = 24
"""A column asks for no more than so many letters, however long its texts are."""
LETTERS_ACROSS = 104
"""So many letters stand beside each other in a table of full width; what needs fewer is set as wide as its texts."""
LETTERS_NARROW = 60
"""In Word a short table is spread as if at least so many letters stood across."""
LEAST = 4
BETWEEN = 3
"""Letters that the lines and margins between two columns take."""


def heads(content: Mapping[str, Any], language: str) -> list[str]:
    """Return the heads of a table with their units."""
    return [f"{one[language]}{' (' + one['unit'] + ')' if one['unit'] else ''}" for one in content["heads"]]


def numeric(content: Mapping[str, Any]) -> set[int]:
    """Return the places of the columns that hold numbers: they stand to the right."""
    return {
        place
        for place in range(len(content["heads"]))
        if any(
            isinstance(row[place], int | float) and not isinstance(row[place], bool)
            for row in content["rows"]
        )
    }


def needed(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return how many letters each column needs for its longest text."""
    return [max(LEAST, *(width(row[place]) for row in rows)) for place in range(len(rows[0]))]


def fits(needed_: Sequence[int]) -> bool:
    """Say whether all columns fit beside each other with their texts on one line."""
    return sum(needed_) + BETWEEN * len(needed_) <= LETTERS_ACROSS


def shares(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return how the columns of a table share its width, with the margins between them."""
    wide = needed(rows)
    return [(one if fits(wide) else min(WIDEST, one)) + BETWEEN for one in wide]


def width(text: str) -> int:
    """Return the letters a text takes; a Chinese one counts two."""
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)
