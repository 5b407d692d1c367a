"""How wide the columns of a report's tables are: by the length of their texts, in Word and PDF alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

LETTERS_ACROSS = 104
"""So many letters stand beside each other in a table of full width; what needs fewer is set as wide as its texts."""
LETTERS_NARROW = 60
"""In Word a short table is spread as if at least so many letters stood across."""
LEAST = 4
WIDEST = 48
"""A column asks for no more than so many letters, however long its texts are."""
UNBROKEN = 12
"""Texts up to so many letters, as names of stations, stay on one line where the table has room."""
BETWEEN = 3
"""Letters that the lines and margins between two columns take."""
_WORD = re.compile(r"[\u2e80-\uffff]{1,4}|[^\s\u2e80-\uffff]+")


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


def fits(rows: Sequence[Sequence[str]]) -> bool:
    """Say whether all columns fit beside each other with their texts on one line."""
    needed = _needed(rows)
    return sum(needed) + BETWEEN * len(needed) <= LETTERS_ACROSS


def shares(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return how the columns of a table share its width, in letters with the margins between them.

    Where the texts do not fit on one line each, every column keeps room for its longest word and for short names; what is
    left goes to those that need more. Titles may break between their words.
    """
    needed = _needed([titles, *rows] if titles else rows)
    if sum(needed) + BETWEEN * len(needed) <= LETTERS_ACROSS:
        return [one + BETWEEN for one in needed]
    least = []
    for place, most in enumerate(needed):
        body = max((width(row[place]) for row in rows), default=0)
        words = [one[place] for one in ([titles, *rows] if titles else rows)]
        least.append(min(most, max(LEAST, _longest_word(words), min(body, UNBROKEN))))
    room = LETTERS_ACROSS - BETWEEN * len(needed) - sum(least)
    wanted = [min(WIDEST, most) - one for most, one in zip(needed, least, strict=True)]
    wanted = [max(0, one) for one in wanted]
    if room > 0 and sum(wanted):
        least = [one + room * more // sum(wanted) for one, more in zip(least, wanted, strict=True)]
    return [one + BETWEEN for one in least]


def width(text: str) -> int:
    """Return the letters a text takes; a Chinese one counts two."""
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)


def _needed(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(LEAST, *(width(row[place]) for row in rows)) for place in range(len(rows[0]))]


def _longest_word(texts: Sequence[str]) -> int:
    """Return the letters of the longest word of some texts; four Chinese characters count as one."""
    found = (width(word) for text in texts for word in _WORD.findall(text))
    return min(2 * UNBROKEN, max(found, default=0))
