"""GB/T 8170 rounding: half to even on the decimal text, once, from the value as received.

`Decimal` functions are the reference. The scaled-integer functions do the same on whole arrays: a value with at most
`decimals` decimals is the exact integer value·10^decimals, so no binary fraction ever decides a rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from qingjian.standards.errors import InputError

Integers = npt.NDArray[np.int64]
_CONTEXT = Context(prec=60)
_GIVEN = 8


def round_places(value: Decimal, places: int) -> Decimal:
    """Round to `places` decimals (negative: tens, hundreds), half to even (GB/T 8170-2008, 3.2)."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN, context=_CONTEXT)


def round_significant(value: Decimal, digits: int) -> Decimal:
    """Round to a number of significant digits, half to even."""
    if digits < 1:
        raise ValueError("digits must be at least 1")
    return value if value == 0 else round_places(value, digits - 1 - value.adjusted())


def round_interval(value: Decimal, interval: Decimal) -> Decimal:
    """Round to a multiple of an interval such as 0.5 or 0.2, half to even (GB/T 8170-2008, 3.3)."""
    if interval <= 0:
        raise ValueError("the interval must be positive")
    multiples = _CONTEXT.divide(value, interval).quantize(
        Decimal(1), rounding=ROUND_HALF_EVEN, context=_CONTEXT
    )
    return multiples * interval


def ceil_integer(value: Decimal) -> int:
    """Round up to an integer, as HJ 633 asks of IAQI."""
    return int(value.to_integral_value(rounding=ROUND_CEILING))


def to_scaled(values: npt.ArrayLike, decimals: int) -> Integers:
    """Floats that stand for decimals with at most `decimals` decimals, as exact integers value·10^decimals.

    Exact for |value|·10^decimals < 2^51. Raises InputError for NaN, infinities and larger values.
    """
    scaled = np.asarray(values, dtype=np.float64) * 10.0**decimals
    if not bool(np.all(np.abs(scaled) < 2.0**51)):
        raise InputError(
            "数值缺失或过大，不能精确换算", "a value is missing or too large to be scaled exactly"
        )
    return np.rint(scaled).astype(np.int64)


def round_scaled(scaled: npt.NDArray[np.signedinteger[Any]], drop: int) -> Integers:
    """Drop `drop` decimal places from scaled integers, half to even. Same shape, scale smaller by 10^drop."""
    values = scaled.astype(np.int64)
    if drop <= 0:
        return values * np.int64(10**-drop)
    base = np.int64(10**drop)
    quotient, remainder = np.divmod(values, base)
    twice = remainder * 2
    up = (twice > base) | ((twice == base) & (quotient % 2 == 1))
    return np.asarray(quotient + up, dtype=np.int64)


def ceil_ratio(numerator: Integers, denominator: int) -> Integers:
    """Exact integer ceiling of numerator/denominator for a positive denominator."""
    return np.asarray(-((-numerator) // np.int64(denominator)), dtype=np.int64)


def legible(value: Decimal, limits: Iterable[Decimal] = (), *, places: int = 4) -> Decimal:
    """A mean with few decimals, for reading only: enough that it stands on the same side of every limit as it does.

    What has at most eight digits was given so and stays as it is. Nothing may be judged by the result.
    """
    given = -int(value.as_tuple().exponent)
    if given <= _GIVEN and len(value.as_tuple().digits) <= _GIVEN:
        return value
    bounds = tuple(limits)
    first = max(places, places - 2 - value.adjusted()) if value else places
    for tried in range(first, given):
        short = round_places(value, tried)
        if all((short > one) - (short < one) == (value > one) - (value < one) for one in bounds):
            return short
    return value


def exceeds(value: Decimal, limit: Decimal, *, places: int | None = None) -> bool:
    """Is the value above the limit?

    Without `places` every digit counts (全数值比较法, the rule where a standard says nothing); with `places` the value is
    rounded first (修约值比较法).
    """
    return (value if places is None else round_places(value, places)) > limit
