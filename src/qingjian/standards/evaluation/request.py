"""One evaluation request: checked access to its inputs and its edition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from qingjian.rulebook import Rulebook
from qingjian.standards.errors import EditionError, InputError
from qingjian.standards.quantity import Given, Quantity, decimal_of
from qingjian.standards.rounding import round_places

Outputs = dict[str, Any]
_NUMBER = r"<?\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
# A value with its unit in one text. L behind a number says "below the detection limit"; alone it is no litre.
_WITH_UNIT = re.compile(rf"(?!{_NUMBER}[Ll]?\Z)({_NUMBER}(?:[Ll](?=\s))?)\s*([^\W\d_].*|%)")


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

    def items(self, *allowed: str) -> dict[str, Any]:
        """Inputs that are measured values, understood; `PM2.5` is read as `PM25`. Raises InputError as `only` does."""
        read: dict[str, Any] = {}
        for name, value in self.inputs.items():
            item = name.replace("PM2.5", "PM25")
            if item in read:
                raise InputError(f"重复给出: {name}", f"given twice: {name}")
            read[item] = understood(value)
        replace(self, inputs=read).only(*allowed)
        return read

    def required(self, name: str) -> Any:
        """An input that must be there. Raises InputError."""
        value = self.inputs.get(name)
        if value is None:
            raise InputError(f"缺少输入 {name}", f"the input {name} is missing")
        return value

    def number(self, name: str) -> Decimal:
        """A number that must be there. Raises InputError."""
        return decimal_of(self.required(name), name)

    def given(self, name: str) -> Given:
        """A measured value that must be there, with its unit where one is written. Raises InputError."""
        value: Given = understood(self.required(name))
        return value

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
    """A name without spaces, in one form of brackets, commas and dashes, lower case."""
    plain = text.translate(str.maketrans("（），；–—−－", "(),;----"))
    return re.sub(r"\s+", "", plain).casefold()


def understood(value: Any) -> Any:
    """A measured value as written: `{"value": 500, "unit": "μg/L"}` and `500 μg/L` carry their unit, the rest stays."""
    if isinstance(value, Mapping) and set(value) == {"value", "unit"} and isinstance(value["unit"], str):
        return Quantity(value["value"], value["unit"])
    if isinstance(value, str) and (found := _WITH_UNIT.fullmatch(value.strip())):
        return Quantity(*found.groups())
    return value


def number(value: Decimal, places: int | None = None) -> int | float:
    """A decimal as a JSON number."""
    shown = value if places is None else round_places(value, places)
    return int(shown) if shown == shown.to_integral_value() and places in (None, 0) else float(shown)
