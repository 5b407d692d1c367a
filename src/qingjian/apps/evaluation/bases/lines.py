"""One figure on two bases, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """A figure or a verdict on the basis of the date and on another one; None where it cannot be told."""

    name: str
    present: Any
    other: Any

    @property
    def differs(self) -> bool:
        return bool(self.present != self.other)

    @property
    def change(self) -> Decimal | int | None:
        """The other less the present; None for verdicts and for what one of the two does not have."""
        number = (Decimal, int)
        if isinstance(self.present, bool) or not isinstance(self.present, number):
            return None
        return self.other - self.present if isinstance(self.other, number) else None

    def cells(self) -> list[Any]:
        """The line as a file holds it."""
        return [self.name, *(_cell(one) for one in (self.present, self.other, self.change))]


def _cell(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value
