"""Values below the detection limit as laboratories write them, and the limit where the value itself does not name it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qingjian.contracts.directory import Directory, Series
from qingjian.lake import Decimals, from_float, from_text
from qingjian.quality.configured import Given, number_of

SETTING = "detection_limit"
"""The limit of a series in the register, a dated setting."""
_WORD = r"(?:[Nn][Dd]|未检出)"
_NAMED = rf"^(?:<\s*(?P<a>[0-9.]+)|(?P<b>[0-9.]+)\s*\(?(?:[Ll]|{_WORD})\)?|{_WORD}\s*\(?\s*<?\s*(?P<c>[0-9.]+)\s*[Ll]?\s*\)?)$"
_BARE = r"^(?:[Nn]\.?[Dd]\.?|\(?未检出\)?|[低小]于检出限|<\s*(?:[Dd][Ll]|[Mm][Dd][Ll]|[Ll][Oo][Dd]|检出限))$"
_WIDE = (("（", "("), ("）", ")"), ("＜", "<"))

Mask = npt.NDArray[np.bool_]


def plain(texts: pa.Array) -> pa.Array:
    """Return texts without surrounding blanks, full-width brackets and signs as the narrow ones."""
    found = pc.utf8_trim_whitespace(texts)
    for wide, narrow in _WIDE:
        found = pc.replace_substring(found, wide, narrow)
    return found


def named_limits(texts: pa.Array) -> Decimals:
    """Return the detection limit that a text names: `<0.05`, `0.05L`, `未检出(0.05)`; null where it names none."""
    parts = pc.extract_regex(plain(texts), _NAMED)
    fields = [pc.struct_field(parts, name) for name in ("a", "b", "c")]
    read = from_text(pc.coalesce(*(pc.if_else(pc.equal(one, ""), None, one) for one in fields)))
    return _positive(read)


def without_limit(texts: pa.Array) -> Mask:
    """Return which texts say that nothing was detected and not from what on: `ND`, `未检出`, `<DL`."""
    found: Mask = pc.fill_null(pc.match_substring_regex(plain(texts), _BARE), False).to_numpy(
        zero_copy_only=False
    )
    return found


def given_limits(column: pa.Array) -> Decimals:
    """Return the limits of a column of their own, of texts or numbers; null where a cell holds none."""
    if pa.types.is_string(column.type) or pa.types.is_null(column.type):
        return _positive(from_text(plain(column.cast(pa.string()))))
    floats = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
    return _positive(from_float(floats))


def _positive(read: Decimals) -> Decimals:
    return first_of(Decimals(read.mantissa, read.decimals, read.valid & (read.mantissa > 0)))


def first_of(*candidates: Decimals) -> Decimals:
    """Return in each place the first number that is there."""
    found = Decimals.nulls(len(candidates[0]))
    for one in candidates:
        fresh = one.valid & ~found.valid
        found.mantissa[fresh] = one.mantissa[fresh]
        found.decimals[fresh] = one.decimals[fresh]
        found.valid[fresh] = True
    return found


def registered_limits(
    directory: Directory,
    known: Mapping[int, Series],
    ids: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int64],
    wanted: Mask,
) -> Decimals:
    """Return the detection limit in the register for the wanted rows, at the moment of each; null where there is none.

    A limit in another unit than that of the series is none.
    """
    found: list[str | None] = [None] * len(ids)
    for place in np.flatnonzero(wanted):
        one = known.get(int(ids[place]))
        if one is None:
            continue
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(starts[place]))
        setting = directory.setting(one.code, SETTING, moment)
        if setting is None:
            continue
        number = number_of(SETTING, Given(setting.value, setting.unit), one.unit)
        if number is not None and number > 0:
            found[place] = setting.value.strip()
    return from_text(pa.array(found, pa.string()))
