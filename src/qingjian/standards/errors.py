"""What can be wrong with an evaluation request; every message exists in Chinese and in English."""

from __future__ import annotations


class EvaluationError(ValueError):
    """An evaluation that cannot be made. `zh` and `en` are for people."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.zh = zh
        self.en = en


class InputError(EvaluationError):
    """A value that cannot be: negative concentration, pH 15, text that is no number, nothing given at all."""


class UnitError(EvaluationError):
    """A unit that does not fit the item and cannot be converted without further facts."""


class EditionError(EvaluationError):
    """No edition is in force on the date, or the edition named does not exist."""
