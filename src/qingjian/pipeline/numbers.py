"""The gathered values of a chunk as exact decimals: all texts of a column are read in one go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qingjian.hj212.profiles import profile
from qingjian.journal import Frame
from qingjian.lake import CANDIDATES, STATISTIC_CODES, Decimals, candidates, from_text
from qingjian.pipeline.gathering import Gathered, Work
from qingjian.pipeline.isolating import isolated
from qingjian.pipeline.routing import COLUMNS
from qingjian.pipeline.tables import Statement
from qingjian.quality.conversion import not_computable

_NUMBER_COLUMNS = COLUMNS[:-1]
_NINES = "^-?9+(?:[.]9+)?$"
_LIKELY_NINES = re.compile(r"-?9{3,}\.9+")
"""What is taken for "not computable" of a factor whose format nobody knows."""
_ABOVE_RANGE = "T"


def sound_observations(work: Work, journal: str) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Return the observations of all frames whose values can be worked with; the others are stated."""
    stated = len(work.statements)
    try:
        return observations(work, journal)
    except Exception:
        del work.statements[stated:]
    failed: dict[int, str] = {}
    orders = sorted({order for one in work.gathered.values() for order in one.order})
    isolated(orders, lambda some: observations(work.only(some), journal), failed)
    for order, reason in failed.items():
        work.give_up(work.frames[order], reason)
    rest = work.only(set(orders) - failed.keys())
    made = observations(rest, journal)
    work.statements += rest.statements
    work.counts.update(rest.counts)
    return made


def observations(work: Work, journal: str) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Return the observations, those of one key in their order of arrival, and when the frame of each was received."""
    gathered, frames, statements = list(work.gathered.values()), work.frames, work.statements
    if not gathered:
        return CANDIDATES.empty_table(), np.zeros(0, np.int64)
    columns = {column for one in gathered for column in one.plan.pick}
    texts = {column: pa.array(_texts(gathered, column), pa.string()) for column in columns}
    series = np.concatenate([one.plan.series for one in gathered for _ in one.starts])
    widths = [one.plan.width for one in gathered for _ in one.starts]
    codes = [STATISTIC_CODES[one.plan.statistic] for one in gathered for _ in one.starts]
    statistic = np.repeat(np.array(codes, np.int8), widths)
    starts = _spread(gathered, "starts", widths)
    sequences = _spread(gathered, "sequences", widths)
    order = _spread(gathered, "order", widths)
    flag = texts.get("flag")
    if flag is None:
        flag = pa.nulls(len(series), pa.string())
    numbers: dict[str, Decimals] = {}
    used = np.zeros(len(series), np.bool_)
    for column in _NUMBER_COLUMNS:
        if column not in texts or texts[column].null_count == len(series):
            continue
        read = _scaled(from_text(texts[column]), gathered)
        odd = _unread(texts[column], read)
        for row in odd:
            frame = frames[int(order[row])]
            work.counts["not_a_number"] += 1
            statements.append(
                Statement(
                    frame.mn,
                    int(starts[row]),
                    "",
                    str(series[row]),
                    column,
                    texts[column][int(row)].as_py(),
                    "not-a-number",
                    int(series[row]),
                    frame.sequence,
                )
            )
        if column == "converted":
            read = _computable(
                read, texts[column], gathered, order, frames, series, sequences, starts, statements
            )
        numbers[column] = read
        used |= read.valid
    qualifier = pc.fill_null(pc.equal(flag, _ABOVE_RANGE), False).to_numpy(zero_copy_only=False)
    used |= pc.fill_null(pc.not_equal(flag, ""), False).to_numpy(zero_copy_only=False)
    rows = candidates(
        series=series,
        statistic=statistic,
        start=starts,
        numbers=numbers,
        flag=flag,
        qualifier=np.where(qualifier, 2, 0).astype(np.int8),
        journal=journal,
        sequence=sequences,
    )
    work.counts["observations"] += int(used.sum())
    received = _spread(gathered, "received", widths)
    if used.all() and _own_keys(gathered):
        return rows, received
    arrival = np.argsort(order, kind="stable")
    kept = arrival[used[arrival]]
    return rows.take(pa.array(kept)), received[kept]


def _texts(gathered: Sequence[Gathered], column: str) -> list[str | None]:
    parts: list[Iterable[str | None]] = []
    for one in gathered:
        pick = one.plan.pick.get(column)
        if pick is None:
            parts.append([None] * (len(one.plan.series) * len(one.values)))
        else:
            parts.append(chain.from_iterable(map(pick, one.values)))
    return list(chain.from_iterable(parts))


def _spread(gathered: Sequence[Gathered], name: str, widths: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return a number of each frame, repeated for each of its values."""
    per_frame = np.array(list(chain.from_iterable(getattr(one, name) for one in gathered)), np.int64)
    return np.repeat(per_frame, widths)


def _own_keys(gathered: Sequence[Gathered]) -> bool:
    """Whether no two plans feed the same series: then the order within each plan is the order of arrival."""
    fed = np.concatenate([one.plan.series for one in gathered])
    return len(np.unique(fed)) == len(fed)


def _unread(texts: pa.Array, numbers: Decimals) -> npt.NDArray[np.intp]:
    written = pc.fill_null(pc.not_equal(texts, ""), False).to_numpy(zero_copy_only=False)
    return np.flatnonzero(written & ~numbers.valid)


def _scaled(numbers: Decimals, gathered: Sequence[Gathered]) -> Decimals:
    if not any(one.plan.scaled for one in gathered):
        return numbers
    mantissa, decimals, valid = numbers.mantissa.copy(), numbers.decimals.copy(), numbers.valid.copy()
    scales = [scale for one in gathered for _ in one.values for scale in one.plan.scales]
    kinds = {scale: number for number, scale in enumerate(dict.fromkeys(scales))}
    kind = np.array([kinds[scale] for scale in scales])
    for scale, number in kinds.items():
        if scale == (1, 0):
            continue
        rows = np.flatnonzero(kind == number)
        changed = Decimals(mantissa[rows], decimals[rows], valid[rows]).scaled(*scale)
        mantissa[rows], decimals[rows], valid[rows] = changed.mantissa, changed.decimals, changed.valid
    return Decimals(mantissa, decimals, valid)


def _says_not_computable(factor: str, text: str) -> bool:
    """Say whether nines are the largest number of the factor's format (§8.1.1 d, confidence S), not a value."""
    known = profile("2025").factors.get(factor)
    if known is None or not known.format.startswith("N"):
        return _LIKELY_NINES.fullmatch(text) is not None
    return bool(not_computable(float(text), known.format))


def _computable(
    numbers: Decimals,
    texts: pa.Array,
    gathered: Sequence[Gathered],
    order: npt.NDArray[np.int64],
    frames: Sequence[Frame],
    series: npt.NDArray[np.int32],
    sequences: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    statements: list[Statement],
) -> Decimals:
    """Turn the 2025 mark for "cannot be computed" (the largest number of the format) from a value into a statement."""
    if all(one.plan.edition != "2025" for one in gathered):
        return numbers
    modern = np.repeat(
        [one.plan.edition == "2025" for one in gathered],
        [len(one.values) * len(one.plan.series) for one in gathered],
    )
    nines = pc.fill_null(pc.match_substring_regex(texts, _NINES), False).to_numpy(zero_copy_only=False)
    likely = np.flatnonzero(nines & modern)
    if not len(likely):
        return numbers
    factors = [factor for one in gathered for _ in one.values for factor in one.plan.factors]
    rows = [int(row) for row in likely if _says_not_computable(factors[row], texts[int(row)].as_py())]
    valid = numbers.valid.copy()
    valid[rows] = False
    for row in rows:
        frame = frames[int(order[row])]
        statements.append(
            Statement(
                frame.mn,
                int(starts[row]),
                "",
                str(series[row]),
                "converted",
                texts[int(row)].as_py(),
                "not-computable",
                int(series[row]),
                int(sequences[row]),
            )
        )
    return Decimals(
        np.where(valid, numbers.mantissa, 0), np.where(valid, numbers.decimals, 0).astype(np.int16), valid
    )
