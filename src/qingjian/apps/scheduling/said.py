"""What a job says of a run: a sentence that is stored as message and values, so that each reader gets it in his language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, override

Stored = dict[str, Any]
"""JSON form: {"joiner": text, "parts": [[message, {name: value}], …]}; a value that is a message itself is {"message": …}."""


class Said(str):
    """A sentence in the present language that knows its message and values."""

    __slots__ = ("stored",)

    stored: Stored

    @classmethod
    def of(cls, stored: Stored) -> Said:
        """Return the sentence in the present language."""
        made = cls(stored["joiner"].join(_spoken(message, values) for message, values in stored["parts"]))
        made.stored = stored
        return made


def sentence(message: str, **values: Any) -> Said:
    """Return a sentence; `message` is its English text with %(name)s for the values, collected for translation."""
    kept = {name: _kept(value) for name, value in values.items()}
    return Said.of({"joiner": "", "parts": [[message, kept]]})


def joined(parts: Iterable[str], joiner: str = ", ") -> Said:
    """Return several sentences as one; plain text among them is kept as it is."""
    found = []
    for one in parts:
        found += one.stored["parts"] if isinstance(one, Said) else [["%(text)s", {"text": str(one)}]]
    return Said.of({"joiner": joiner, "parts": found})


def shown(stored: Stored | None, plain: str) -> str:
    """Return what a run said in the reader's language; `plain` where it left no message, such as an error."""
    return plain if stored is None else Said.of(stored)


def _kept(value: Any) -> Any:
    if isinstance(value, Promise):
        with override(None):  # the text of a lazy translation without any language is the message itself
            return {"message": str(value)}
    return value if isinstance(value, int | float | str) or value is None else str(value)


def _spoken(message: str, values: Mapping[str, Any]) -> str:
    known = {name: _title(value) if isinstance(value, Mapping) else value for name, value in values.items()}
    text = gettext(message) if message != "%(text)s" else message
    return text % known


def _title(kept: Mapping[str, str]) -> str:
    (message,) = kept.values()
    return gettext(message)
