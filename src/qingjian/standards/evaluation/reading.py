"""Cases as JSON text: numbers keep the digits they were written with, and a name given twice is not lost in silence."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_LONGEST_INTEGER = 400


class WrittenNumber(float):
    """A JSON number that remembers its text, because GB/T 8170 rounds the decimal text and not its binary neighbour."""

    text: str

    def __new__(cls, text: str) -> WrittenNumber:
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


class Repeating(dict[str, Any]):
    """A JSON object in which a name was given more than once; the last value is held, as `json` does."""

    names: tuple[str, ...] = ()


def read_cases(text: str) -> Any:
    """Parse JSON. `NaN`, infinities and numbers no float can hold become their text, so that a case can be refused for it.

    Raises ValueError for text that is no JSON, RecursionError for nesting no reader follows.
    """
    return json.loads(
        text,
        object_pairs_hook=_object,
        parse_float=_number,
        parse_int=lambda digits: int(digits) if len(digits) <= _LONGEST_INTEGER else digits,
        parse_constant=str,
    )


def repeated_names(case: Mapping[Any, Any]) -> tuple[str, ...]:
    """Names given twice in a case, in its inputs, or in an object among them."""
    inputs = case.get("inputs")
    inner = [inputs, *inputs.values()] if isinstance(inputs, Mapping) else []
    return tuple(name for part in (case, *inner) if isinstance(part, Repeating) for name in part.names)


def _number(text: str) -> WrittenNumber | str:
    number = WrittenNumber(text)
    return number if math.isfinite(number) else text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) == len(pairs):
        return held
    names = [name for name, _ in pairs]
    repeating = Repeating(held)
    repeating.names = tuple(dict.fromkeys(name for name in names if names.count(name) > 1))
    return repeating
