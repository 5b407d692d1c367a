"""Exact decimal numbers as columns: an int64 mantissa and an int16 count of decimals.

`12.50` is (1250, 2): the text of the wire can be written again, integers compress several times better than binary
floats, and the float64 every reader gets is the one nearest to the decimal text. A null number is null in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MOST_DIGITS = 18
"""Digits that always fit an int64."""
_EXACT_INTEGER = 2**53
_EXACT_POWER = 22
_POWERS = np.array([float(f"1e{n}") for n in range(_EXACT_POWER + 1)])

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Decimals:
    """Columns of equal length: mantissa (int64), decimals (int16), both 0 where `valid` is False."""

    mantissa: npt.NDArray[np.int64]
    decimals: npt.NDArray[np.int16]
    valid: Bools

    def __len__(self) -> int:
        return len(self.mantissa)

    @classmethod
    def nulls(cls, length: int) -> Decimals:
        """Return `length` null numbers."""
        return cls(np.zeros(length, np.int64), np.zeros(length, np.int16), np.zeros(length, np.bool_))

    @classmethod
    def from_arrow(cls, mantissa: pa.Array, decimals: pa.Array) -> Decimals:
        """Read two storage columns."""
        valid = pc.is_valid(mantissa).to_numpy(zero_copy_only=False)
        return cls(
            pc.fill_null(mantissa, 0).to_numpy(zero_copy_only=False).astype(np.int64, copy=False),
            pc.fill_null(decimals, 0).to_numpy(zero_copy_only=False).astype(np.int16, copy=False),
            valid,
        )

    def to_arrow(self) -> tuple[pa.Array, pa.Array]:
        """Return the storage columns (mantissa int64, decimals int16)."""
        mask = None if self.valid.all() else ~self.valid
        return (
            pa.array(self.mantissa, pa.int64(), mask=mask),
            pa.array(self.decimals, pa.int16(), mask=mask),
        )

    def to_float(self) -> Floats:
        """Return the nearest float64 of every number, NaN where null.

        Mantissas below 2**53 and powers of ten up to 10**22 are exact floats, and one IEEE division or
        multiplication of exact operands is correctly rounded; the rare rest goes through Python's parser.
        """
        if len(self) and self.valid.all() and (self.decimals == self.decimals[0]).all():
            shared = int(self.decimals[0])  # the usual case: one series, one number of decimals
            if 0 <= shared <= _EXACT_POWER and np.abs(self.mantissa).max() <= _EXACT_INTEGER:
                quotient: Floats = self.mantissa / _POWERS[shared]
                return quotient
        power = np.abs(self.decimals)
        exact = (np.abs(self.mantissa) <= _EXACT_INTEGER) & (power <= _EXACT_POWER)
        scale = _POWERS[np.minimum(power, _EXACT_POWER)]
        numbers = self.mantissa.astype(np.float64)
        result: Floats = np.where(self.decimals >= 0, numbers / scale, numbers * scale)
        for index in np.flatnonzero(~exact & self.valid):
            result[index] = float(f"{self.mantissa[index]}e{-int(self.decimals[index])}")
        result[~self.valid] = np.nan
        return result

    def to_text(self) -> list[str | None]:
        """Return the decimal text of every number, None where null."""
        return [
            as_text(int(mantissa), int(decimals)) if valid else None
            for mantissa, decimals, valid in zip(self.mantissa, self.decimals, self.valid, strict=True)
        ]

    def scaled(self, mantissa: int, decimals: int) -> Decimals:
        """Multiply by the decimal (mantissa, decimals): exactly up to 18 digits, else to float64 precision."""
        fits = np.abs(self.mantissa) <= 10**MOST_DIGITS // max(1, abs(mantissa))
        exact = self.valid & fits
        product = Decimals(
            np.where(exact, self.mantissa * np.int64(mantissa), 0),
            np.where(exact, self.decimals + np.int16(decimals), 0).astype(np.int16),
            exact,
        )
        large = np.flatnonzero(self.valid & ~fits)
        if len(large):
            rounded = from_float(self.to_float()[large] * float(f"{mantissa}e{-decimals}"))
            product.mantissa[large], product.decimals[large] = rounded.mantissa, rounded.decimals
            product.valid[large] = rounded.valid
        return product


def as_text(mantissa: int, decimals: int) -> str:
    """Write one number: (1250, 2) → 12.50, (-5, 1) → -0.5, (12, -2) → 1200."""
    if decimals <= 0:
        return str(mantissa * 10**-decimals)
    digits = str(abs(mantissa)).rjust(decimals + 1, "0")
    return f"{'-' if mantissa < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


@lru_cache(maxsize=1024)
def decimal_of(text: str) -> tuple[int, int]:
    """Read one plain decimal text, e.g. "0.001" → (1, 3); ValueError when it is none."""
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation:
        exponent = "n"
    if not isinstance(exponent, int) or len(digits) > MOST_DIGITS:
        raise ValueError(f"不是十进制数 / not a decimal number: {text!r}")
    return int("".join(map(str, digits))) * (-1 if sign else 1), -exponent


_PLAIN = r"^[+-]?(\d{1,18}|\d{0,17}\.\d{1,17}|\d{1,17}\.)$"


def from_text(text: pa.Array) -> Decimals:
    """Read decimal texts; null, empty and anything that is not a plain decimal number of ≤ 18 digits is null.

    Exponents and longer numbers are read through float64 when finite; NaN and infinities stay null.
    """
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    if not pa.types.is_string(text.type):
        text = text.cast(pa.string())
    stripped = pc.utf8_trim_whitespace(text)
    plain = pc.fill_null(pc.match_substring_regex(stripped, _PLAIN), False)
    kept = pc.if_else(plain, stripped, None)
    point = pc.find_substring(kept, ".")
    length = pc.binary_length(kept)
    has_point = pc.greater_equal(point, 0)
    decimals = pc.if_else(has_point, pc.subtract(pc.subtract(length, point), 1), 0)
    digits = pc.utf8_ltrim(pc.replace_substring(kept, ".", ""), "+")
    too_long = pc.greater(pc.binary_length(digits), MOST_DIGITS + 1)
    digits = pc.if_else(pc.or_(too_long, pc.equal(digits, "-")), None, digits)
    mantissa = pc.cast(digits, pa.int64())
    columns = Decimals.from_arrow(
        mantissa, pc.cast(pc.if_else(pc.is_valid(mantissa), decimals, None), pa.int16())
    )
    odd = pc.and_not(pc.and_(pc.is_valid(stripped), pc.not_equal(stripped, "")), pc.is_valid(mantissa))
    rows = np.flatnonzero(pc.fill_null(odd, False).to_numpy(zero_copy_only=False))
    if len(rows):
        columns = Decimals(columns.mantissa.copy(), columns.decimals.copy(), columns.valid.copy())
        unusual = from_float(np.array([_unusual(stripped[int(row)].as_py()) for row in rows]))
        columns.mantissa[rows], columns.decimals[rows] = unusual.mantissa, unusual.decimals
        columns.valid[rows] = unusual.valid
    return columns


def from_float(values: Floats) -> Decimals:
    """Take the shortest decimal that reads back as each float; NaN and infinities are null."""
    values = np.asarray(values, np.float64)
    columns = Decimals.nulls(len(values))
    finite = np.isfinite(values)
    left = np.flatnonzero(finite)
    for decimals in range(16):
        if not len(left):
            break
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = np.rint(values[left] * _POWERS[decimals])
        fits = (np.abs(scaled) < _EXACT_INTEGER) & (scaled / _POWERS[decimals] == values[left])
        rows = left[fits]
        columns.mantissa[rows] = scaled[fits].astype(np.int64)
        columns.decimals[rows] = decimals
        columns.valid[rows] = True
        left = left[~fits]
    for row in left:
        mantissa, decimals = _shortest(float(values[row]))
        columns.mantissa[row], columns.decimals[row], columns.valid[row] = mantissa, decimals, True
    return columns


def _shortest(value: float) -> tuple[int, int]:
    """Return (mantissa, decimals) of `repr`, which has at most 17 digits."""
    digits, _, exponent = f"{value!r}".partition("e")
    whole, _, fraction = digits.partition(".")
    if fraction == "0":
        fraction = ""
    mantissa, decimals = int(whole + fraction), len(fraction) - int(exponent or 0)
    while mantissa and mantissa % 10 == 0 and decimals < 0:
        mantissa, decimals = mantissa // 10, decimals - 1
    while abs(mantissa) >= 10**MOST_DIGITS:  # repr writes whole floats below 1e16 only, so this is a guard
        mantissa, decimals = mantissa // 10, decimals - 1
    return mantissa, decimals


def _unusual(text: str) -> float:
    """Read exponents and long numbers; Python's own extras (underscores, other scripts' digits) are no numbers."""
    try:
        return float(text) if text.isascii() and "_" not in text else np.nan
    except ValueError:
        return np.nan
