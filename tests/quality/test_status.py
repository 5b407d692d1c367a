"""Effective status: marks by edition, facts with precedence and supersession, against a slow definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.quality.facts import LEVELS, FactKind, IntervalFact, active_facts, stopped_seconds
from qingjian.quality.flags import EDITIONS, Validity, flag_meaning, packaged_flags
from qingjian.quality.observations import Observations, SeriesInfo, as_of
from qingjian.quality.status import REASON_TEXT, Reason, Status, effective_status
from qingjian.rulebook import Confidence

AIR = [SeriesInfo(1, "air", "SO2", 60), SeriesInfo(2, "air", "NO2", 60)]


@pytest.mark.parametrize(
    ("flag", "medium", "edition", "validity", "confidence"),
    [
        ("N", "", "2017", Validity.VALID, "V"),
        ("N", "", "2025", Validity.VALID, "S"),
        ("D", "flue_gas", "2017", Validity.INVALID, "V"),
        ("C", "air", "2005", Validity.INVALID, "V"),
        ("M", "", "2017", Validity.INVALID, "V"),
        ("F", "", "2017", Validity.INVALID, "V"),
        ("B", "", "2017", Validity.INVALID, "V"),
        ("P", "", "2005", Validity.INVALID, "V"),
        ("S", "", "2017", Validity.NEEDS_LOOK, "S"),
        ("T", "", "2017", Validity.NEEDS_LOOK, "S"),
        ("Td", "", "2025", Validity.NEEDS_LOOK, "U"),
        ("3", "air", "2005", Validity.VALID, "V"),
        ("2", "air", "2005", Validity.INVALID, "V"),
        ("3", "waste_water", "2005", Validity.NEEDS_LOOK, "U"),
        ("Xy", "", "2017", Validity.NEEDS_LOOK, "U"),
        ("", "", "2017", Validity.VALID, "U"),
    ],
)
def test_marks_by_edition_and_medium(
    flag: str, medium: str, edition: str, validity: Validity, confidence: str
) -> None:
    meaning = flag_meaning(flag, medium, edition)
    assert meaning.validity is validity
    assert meaning.confidence is Confidence(confidence)
    assert meaning.meaning_zh
    assert meaning.meaning_en


def test_every_edition_has_the_common_marks_and_a_source() -> None:
    for edition in EDITIONS:
        for flag in "NFMSDCT":
            assert (edition, "", flag) in packaged_flags()
    assert all(meaning.source for meaning in packaged_flags().values())
    with pytest.raises(ValueError, match="edition"):
        flag_meaning("N", "", "1999")


def rows(values: list[float], flags: list[str], series: int = 1) -> Observations:
    return Observations.of([series] * len(values), [60 * i for i in range(len(values))], values, flag=flags)


def fact(kind: FactKind, start: int, end: int | None, value: str = "", **more: object) -> IntervalFact:
    fields = {"id": f"{kind}-{start}-{more.get('known_at', 0)}", "series": frozenset({1})} | more
    return IntervalFact(kind=kind, start=start, end=end, value=value, **fields)  # type: ignore[arg-type]


def test_precedence_and_reasons() -> None:
    values = [1.0] * 9 + [float("nan")]
    held = [
        fact(FactKind.MARK, 60, 120, "C", author="甲", reason="标样核查"),
        fact(FactKind.MARK, 120, 180, "N", author="甲", reason="复核正常"),
        fact(FactKind.OUT_OF_CONTROL, 180, 240, confidence="U"),
        fact(FactKind.SUPPRESSION, 240, 300),
        fact(FactKind.SUBSTITUTION, 300, 360, "7.5"),
        fact(FactKind.STOP, 360, 420),
        fact(FactKind.LEVEL, 0, None, "verified"),
        fact(FactKind.SUBSTITUTION, 540, 600, "8.5"),
    ]
    status = effective_status(rows(values, ["N", "N", "D", "N", "N", "D", "N", "Xy", "T", "N"]), held, AIR)
    assert status.code.tolist() == [
        Status.VALID,
        Status.INVALID,
        Status.VALID,
        Status.INVALID,
        Status.SUPPRESSED,
        Status.SUBSTITUTED,
        Status.INVALID,
        Status.NEEDS_LOOK,
        Status.NEEDS_LOOK,
        Status.SUBSTITUTED,
    ]
    assert status.used[5] == 7.5
    assert status.used[9] == 8.5
    assert np.isnan(status.used[[1, 3, 4, 6, 7, 8]]).all()
    assert status.stopped.tolist() == [False] * 6 + [True] + [False] * 3
    assert int(status.reasons[7]) & Reason.UNKNOWN_MARK
    assert set(status.level.tolist()) == {LEVELS.index("verified")}
    assert "人工标记" in status.explain(1)
    assert "标样核查" in status.explain(1)
    assert "out of control" in status.explain(3, "en")
    assert status.confidence_of(3) is Confidence.U
    assert {text for pair in REASON_TEXT.values() for text in pair}


def test_control_periods_checks_and_trusted_rows() -> None:
    observations = rows([1.0, 2.0, 3.0], ["N", "N", "D"])
    inside = [fact(FactKind.IN_CONTROL, 0, 60)]
    assert effective_status(observations, inside).code.tolist() == [0, Status.NEEDS_LOOK, Status.INVALID]
    suspect = np.asarray([False, True, False])
    assert effective_status(observations, suspect=suspect).code.tolist() == [
        0,
        Status.NEEDS_LOOK,
        Status.INVALID,
    ]
    trusted = np.asarray([False, False, True])
    assert effective_status(observations, trusted=trusted).usable.all()


def test_supersession_and_as_of() -> None:
    first = fact(FactKind.MARK, 0, 600, "M", id="a", known_at=1)
    second = fact(FactKind.MARK, 0, 60, "M", id="b", known_at=2, supersedes="a")
    away = fact(FactKind.WITHDRAWAL, 0, 0, id="c", known_at=3, supersedes="b")
    everything = [away, second, first]
    assert [one.id for one in active_facts(everything, 1)] == ["a"]
    assert [one.id for one in active_facts(everything, 2)] == ["b"]
    assert active_facts(everything, 3) == ()
    observations = rows([1.0, 1.0], ["N", "N"])
    assert effective_status(observations, everything, moment=0).usable.tolist() == [True, True]
    assert effective_status(observations, everything, moment=1).usable.tolist() == [False, False]
    assert effective_status(observations, everything, moment=2).usable.tolist() == [False, True]
    assert effective_status(observations, everything).usable.tolist() == [True, True]
    # a fact cannot be taken away by one that was known before it
    early = fact(FactKind.WITHDRAWAL, 0, 0, id="z", known_at=0, supersedes="a")
    assert [one.id for one in active_facts([early, first])] == ["a"]


def test_facts_that_make_no_sense_are_refused() -> None:
    for kind, start, end, value in (
        (FactKind.MARK, 10, 5, "M"),
        (FactKind.LEVEL, 0, 5, "splendid"),
        (FactKind.SUBSTITUTION, 0, 5, "much"),
        (FactKind.SUBSTITUTION, 0, 5, "inf"),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            fact(kind, start, end, value)


def test_a_quarter_of_a_longer_period_is_enough_to_cover_it() -> None:
    hours = Observations.of([1, 1], [0, 3600], [1.0, 1.0], flag=["N", "N"])
    for length, covered in ((899, False), (900, True), (3600, True)):
        mark = [fact(FactKind.MARK, 600, 600 + length, "M")]
        status = effective_status(hours, mark, period_seconds=3600)
        assert status.usable.tolist() == [not covered, True]


FACTS = st.lists(
    st.builds(
        lambda kind, series, start, length, value, known: (kind, series, start, length, value, known),
        st.sampled_from([FactKind.MARK, FactKind.OUT_OF_CONTROL, FactKind.SUPPRESSION, FactKind.STOP]),
        st.sets(st.integers(1, 2), min_size=1),
        st.integers(-2, 12),
        st.integers(0, 8) | st.none(),
        st.sampled_from(["N", "M", "D", "S"]),
        st.integers(0, 4),
    ),
    max_size=6,
)
FLAGS = st.lists(st.sampled_from(["N", "D", "T", "", "Xy"]), min_size=10, max_size=10)


@given(FACTS, FLAGS, st.lists(st.floats(allow_nan=True), min_size=10, max_size=10), st.integers(0, 5))
def test_against_the_slow_definition(
    described: list[tuple[FactKind, set[int], int, int | None, str, int]],
    flags: list[str],
    values: list[float],
    moment: int,
) -> None:
    facts = [
        IntervalFact(
            f"f{i}", kind, frozenset(series), start, None if n is None else start + n, value, known_at=known
        )
        for i, (kind, series, start, n, value, known) in enumerate(described)
    ]
    observations = Observations.of([1] * 5 + [2] * 5, [0, 1, 2, 3, 4] * 2, values, flag=flags)
    status = effective_status(observations, facts, AIR, moment=moment)
    for row in range(10):
        series, start = (1 if row < 5 else 2), row % 5
        here = [
            one
            for one in sorted(facts, key=lambda f: (f.known_at, f.id))
            if one.known_at <= moment and series in one.series and one.start <= start < one.last
        ]
        word = flags[row]
        for one in here:
            if one.kind is FactKind.MARK:
                word = one.value
        expected = {
            Validity.VALID: Status.VALID,
            Validity.NEEDS_LOOK: Status.NEEDS_LOOK,
            Validity.INVALID: Status.INVALID,
        }[flag_meaning(word, "air", "2017").validity]
        kinds = {one.kind for one in here}
        if kinds & {FactKind.STOP, FactKind.OUT_OF_CONTROL}:
            expected = Status.INVALID
        if not np.isfinite(values[row]):
            expected = Status.MISSING
        if FactKind.SUPPRESSION in kinds:
            expected = Status.SUPPRESSED
        assert status.code[row] == expected
        assert np.isfinite(status.used[row]) == (expected == Status.VALID)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30) | st.none()), max_size=6),
    st.integers(0, 40),
    st.integers(0, 40),
)
def test_stopped_seconds_against_counting(
    spans: list[tuple[int, int | None]], begin: int, length: int
) -> None:
    facts = [
        IntervalFact(str(i), FactKind.STOP, frozenset({1}), a, None if n is None else a + n)
        for i, (a, n) in enumerate(spans)
    ]
    expected = sum(any(f.start <= t < f.last for f in facts) for t in range(begin, begin + length))
    got = stopped_seconds(facts, 1, np.asarray([begin]), np.asarray([begin + length]))
    assert got[0] == expected
    assert stopped_seconds(facts, 2, np.asarray([begin]), np.asarray([begin + length]))[0] == 0


def test_each_series_speaks_the_edition_of_its_device() -> None:
    info = [
        SeriesInfo(1, "air", "SO2", 60, edition="2005"),
        SeriesInfo(2, "flue_gas", "a21026", 60, edition="2005"),
        SeriesInfo(3, "flue_gas", "a21026", 60, edition="2025"),
    ]
    observations = Observations.of([1, 2, 3, 3], [0, 0, 0, 60], [1.0] * 4, flag=["3", "3", "Td", "N"])
    status = effective_status(observations, (), info)
    assert status.code.tolist() == [Status.VALID, Status.NEEDS_LOOK, Status.NEEDS_LOOK, Status.VALID]
    assert [status.confidence_of(i).value for i in range(4)] == ["V", "U", "U", "S"]
    assert status.abnormal_mark.tolist() == [False, True, True, False]


@given(
    FACTS,
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), st.floats(-9, 9)), max_size=12),
    st.integers(0, 5),
)
def test_what_became_known_later_does_not_change_what_was_shown(
    described: list[tuple[FactKind, set[int], int, int | None, str, int]],
    arrivals: list[tuple[int, int, float]],
    moment: int,
) -> None:
    facts = [
        IntervalFact(
            f"f{i}", kind, frozenset(series), start, None if n is None else start + n, value,
            known_at=known, supersedes=f"f{i - 1}" if i % 3 == 2 else "",
        )
        for i, (kind, series, start, n, value, known) in enumerate(described)
    ]  # fmt: skip

    def shown(chosen: list[tuple[int, int, float]], held: list[IntervalFact]) -> list[tuple[int, float, int]]:
        rows = Observations.of(
            [1] * len(chosen), [s for s, _, _ in chosen], [v for _, _, v in chosen],
            known_at=[k for _, k, _ in chosen], revision=list(range(len(chosen))), flag=["N"] * len(chosen),
        )  # fmt: skip
        current = as_of(rows, moment)
        status = effective_status(current, held, AIR, moment=moment)
        return list(
            zip(
                current.start.tolist(), np.nan_to_num(status.used).tolist(), status.code.tolist(), strict=True
            )
        )

    arrivals = sorted(arrivals, key=lambda one: one[1])
    known_then = [one for one in arrivals if one[1] <= moment]
    assert shown(arrivals, facts) == shown(known_then, [one for one in facts if one.known_at <= moment])
