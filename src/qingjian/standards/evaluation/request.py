"""One evaluation request: checked access to its inputs and its edition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from qingjian.rulebook import Rulebook
from qingjian.standards.errors import EditionError, InputError
from qingjian.standards.quantity import decimal_of

Outputs = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """Inputs, edition and rulebook of one case."""

    kind: str
    edition: str
    inputs: Mapping[str, Any]
    rulebook: Rulebook

    def only(self, *allowed: str) -> None:
        """Raises InputError if an input is not one of these."""
        unknown = sorted(set(self.inputs) - set(allowed))
        if unknown:
            names = ", ".join(unknown)
            raise InputError(f"不认识的输入: {names}", f"unknown inputs: {names}")

    def required(self, name: str) -> Any:
        """An input that must be there. Raises InputError."""
        value = self.inputs.get(name)
        if value is None:
            raise InputError(f"缺少输入 {name}", f"the input {name} is missing")
        return value

    def number(self, name: str) -> Decimal:
        """A number that must be there. Raises InputError."""
        return decimal_of(self.required(name), name)

    def whole(self, name: str) -> int:
        """A whole number that must be there. Raises InputError."""
        value = self.number(name)
        if value != value.to_integral_value():
            raise InputError(f"{name} 应为整数", f"{name} must be a whole number")
        return int(value)

    def text(self, name: str) -> str:
        """A text that must be there. Raises InputError."""
        value = self.required(name)
        if not isinstance(value, str) or not value.strip():
            raise InputError(f"{name} 应为文字", f"{name} must be text")
        return value.strip()

    def mapping(self, name: str) -> Mapping[str, Any]:
        """A mapping that must be there. Raises InputError."""
        value = self.required(name)
        if not isinstance(value, Mapping):
            raise InputError(f"{name} 应为映射", f"{name} must be a mapping")
        return value

    def edition_of(self, names: Mapping[str, str]) -> str:
        """The rule set an edition name stands for; spaces do not matter. Raises EditionError."""
        wanted = squeeze(self.edition)
        for name, meaning in names.items():
            if squeeze(name) == wanted:
                return meaning
        known = "; ".join(names)
        raise EditionError(
            f"{self.kind} 没有版本 {self.edition}（已有: {known}）",
            f"no edition {self.edition} for {self.kind}: {known}",
        )


def squeeze(text: str) -> str:
    """A name without spaces, in one form of brackets and commas, lower case."""
    plain = text.translate(str.maketrans("（），；", "(),;"))
    return re.sub(r"\s+", "", plain).casefold()


def number(value: Decimal, places: int | None = None) -> int | float:
    """A decimal as a JSON number."""
    shown = value if places is None else round(value, places)
    return int(shown) if shown == shown.to_integral_value() and places in (None, 0) else float(shown)
