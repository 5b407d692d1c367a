"""Marks of devices (xxxxxx-Flag of HJ 212) and what they say about a value, by edition and medium."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib import resources

from qingjian.rulebook import Confidence

EDITIONS = ("2005", "2017", "2025")


class Validity(IntEnum):
    """What a mark says of its value."""

    VALID = 0
    NEEDS_LOOK = 1
    INVALID = 2


@dataclass(frozen=True, slots=True)
class FlagMeaning:
    """One mark: words, validity, whether the source or instrument stands still, and how sure we are."""

    flag: str
    meaning_zh: str
    meaning_en: str
    validity: Validity
    stopped: bool
    source: str
    confidence: Confidence
    note: str = ""


_WORDS = {"valid": Validity.VALID, "needs_look": Validity.NEEDS_LOOK, "invalid": Validity.INVALID}
_NO_MARK = FlagMeaning(
    "",
    "未带标记",
    "no mark sent",
    Validity.VALID,
    False,
    "HJ/T 212-2005: the mark may be left out",
    Confidence.U,
)


@cache
def packaged_flags() -> dict[tuple[str, str, str], FlagMeaning]:
    """All packaged marks by (edition, medium or "", flag)."""
    text = resources.files("qingjian.quality").joinpath("data", "device_flags.csv").read_text("utf-8")
    return {
        (row["edition"], row["medium"], row["flag"]): FlagMeaning(
            row["flag"],
            row["meaning_zh"],
            row["meaning_en"],
            _WORDS[row["validity"]],
            row["stopped"] == "yes",
            row["source"],
            Confidence(row["confidence"]),
            row["note"],
        )
        for row in csv.DictReader(text.splitlines())
    }


def flag_meaning(flag: str, medium: str = "", edition: str = "2017") -> FlagMeaning:
    """What a mark means. A mark outside the tables needs a person's look; no mark at all is taken as normal.

    Raises ValueError for an unknown edition.
    """
    if edition not in EDITIONS:
        raise ValueError(f"unknown edition {edition!r}; known: {EDITIONS}")
    word = flag.strip()
    if not word:
        return _NO_MARK
    table = packaged_flags()
    found = table.get((edition, medium, word)) or table.get((edition, "", word))
    return found or FlagMeaning(
        word,
        f"未知标记 {word}",
        f"unknown mark {word}",
        Validity.NEEDS_LOOK,
        False,
        "not in the tables",
        Confidence.U,
    )
