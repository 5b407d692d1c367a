"""What is learned from a history, piece by piece."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qingjian.screening.learning import _median_of_others

CELLS = st.one_of(st.just(float("nan")), st.integers(-3, 3).map(float))


@given(
    st.integers(1, 7).flatmap(
        lambda n: st.tuples(
            arrays(np.float64, (n, 3, 2), elements=CELLS), arrays(np.int64, n, elements=st.integers(0, 2))
        )
    )
)
def test_the_median_of_the_others_is_that_of_what_is_known_of_them(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    values, group = drawn
    found = _median_of_others(values, group)
    for i, own in enumerate(group):
        others = values[(group == own) & (np.arange(len(group)) != i)]
        for day, test in np.ndindex(values.shape[1:]):
            known = np.sort(others[:, day, test][np.isfinite(others[:, day, test])])
            wanted = known[(len(known) - 1) // 2] if len(known) else np.nan
            assert found[i, day, test] == wanted or (np.isnan(wanted) and np.isnan(found[i, day, test]))
