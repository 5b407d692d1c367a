import itertools
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.rulebook import Confidence, packaged
from qingjian.standards.air.index import daily, hourly, sub_index
from qingjian.standards.errors import EditionError, InputError, UnitError
from qingjian.standards.quantity import Quantity

OLD, NEW = date(2026, 2, 28), date(2026, 3, 1)
CLEAN = {"SO2": 5, "NO2": 20, "CO": 0.5, "O3": 60, "PM10": 30, "PM2.5": 10}
CLEAN_DAY = {"SO2": 5, "NO2": 20, "CO": 0.5, "O3_8h": 60, "PM10": 30, "PM2.5": 10}


def test_every_breakpoint_row_is_hit_exactly() -> None:
    for row in packaged().rows("aqi_breakpoints"):
        found, trace = sub_index(row["symbol"], row["averaging_period"], row["bp"], edition=row.edition)
        same = list(packaged().rows("aqi_breakpoints", edition=row.edition, symbol=row["symbol"]))
        lowest = min(
            int(r["iaqi"])
            for r in same
            if r["bp"] == row["bp"] and r["averaging_period"] == row["averaging_period"]
        )
        assert found.iaqi == lowest
        assert trace.confidence is Confidence.V


def test_breakpoints_are_complete_and_monotone() -> None:
    groups: dict[tuple[str, str, str], list[tuple[int, Decimal]]] = {}
    for row in packaged().rows("aqi_breakpoints"):
        key = (row.edition, row["symbol"], row["averaging_period"])
        groups.setdefault(key, []).append((int(row["iaqi"]), Decimal(row["bp"])))
    assert len(groups) == 20
    for (_, symbol, period), points in groups.items():
        points.sort()
        assert [p for p, _ in points][:5] == [0, 50, 100, 150, 200]
        assert all(a[1] < b[1] for a, b in itertools.pairwise(points))
        top = {("SO2", "1h"): 200, ("O3", "8h"): 300}.get((symbol, period), 500)
        assert points[-1][0] == top


@pytest.mark.parametrize(
    ("day", "pm25", "aqi"),
    [(OLD, 75, 100), (OLD, 60, 82), (NEW, 60, 100), (NEW, 75, 114), (NEW, "60.5", 100), (NEW, "60.6", 101)],
)
def test_the_edition_follows_the_date_of_the_data(day: date, pm25: object, aqi: int) -> None:
    result = daily(CLEAN_DAY | {"PM2.5": pm25, "O3_1h": 60}, on=day)
    assert result.aqi == aqi
    assert result.edition == ("2012" if day == OLD else "2026")


def test_another_basis_is_named_in_the_trace() -> None:
    result = daily(CLEAN_DAY | {"PM2.5": 60}, on=date(2025, 7, 1), edition="HJ 633-2026")
    assert result.aqi == 100
    assert any("HJ 633-2026" in line for line in result.trace.lines("en"))
    with pytest.raises(EditionError):
        daily(CLEAN_DAY, edition="2030")
    with pytest.raises(EditionError):
        daily(CLEAN_DAY)
    with pytest.raises(EditionError):
        daily(CLEAN_DAY, on=date(2010, 1, 1))


def test_above_800() -> None:
    assert hourly(CLEAN | {"SO2": 801}, on=NEW).aqi == 200
    silent = hourly(CLEAN | {"SO2": 801}, on=OLD)
    assert (silent.aqi, silent.missing) == (30, ("SO2",))
    assert hourly(CLEAN | {"SO2": 801, "SO2_24h": 475}, on=OLD).aqi == 150
    assert hourly(CLEAN | {"SO2": 801, "SO2_24h": 475}, on=NEW).aqi == 200
    assert daily(CLEAN_DAY | {"O3_8h": 900}, on=NEW).aqi == 300
    assert daily(CLEAN_DAY | {"O3_8h": 900, "O3_1h": 1000}, on=OLD).aqi == 400
    with pytest.raises(InputError, match="800"):
        sub_index("SO2", "1h", 900, edition="2012")
    assert hourly(CLEAN | {"PM2.5": 5000}, on=NEW).aqi == 500


def test_primary_pollutant() -> None:
    assert hourly(CLEAN | {"PM10": 50}, on=NEW).primary == ()
    tie = daily(CLEAN_DAY | {"PM10": 120, "PM2.5": 60}, on=NEW)
    assert (tie.aqi, tie.primary) == (100, ("PM10", "PM2.5"))
    both = daily(CLEAN_DAY | {"O3_8h": 160, "O3_1h": 200}, on=OLD)
    assert (both.primary, both.primary_items) == (("O3",), ("O3_8h", "O3_1h"))


def test_exceeding_pollutants_end_with_the_2012_edition() -> None:
    dirty = CLEAN_DAY | {"PM2.5": 130, "PM10": 260}
    assert daily(dirty | {"O3_1h": 60}, on=OLD).exceeding == ("PM10", "PM2.5")
    new = daily(dirty, on=NEW)
    assert new.exceeding == ()
    assert set(new.sensitive_groups) == {"PM10", "PM2.5"}
    assert new.advice.zh
    assert new.effect.en
    assert new.advice_confidence is Confidence.U
    assert new.trace.confidence is Confidence.V
    assert new.trace.may_act_alone


def test_a_missing_item() -> None:
    day = {k: v for k, v in CLEAN_DAY.items() if k != "CO"}
    result = daily(day, on=NEW)
    assert (result.publishable, result.missing) == (False, ("CO",))
    assert daily(day | {"CO": None}, on=NEW).publishable is False
    assert daily(day | {"PM10": 130}, on=NEW).publishable is True
    assert daily(day, on=NEW, not_in_plan={"CO"}).publishable is True
    assert daily(day | {"O3_1h": 50}, on=OLD).publishable is True
    with pytest.raises(InputError):
        daily({}, on=NEW)
    with pytest.raises(InputError):
        hourly(dict.fromkeys(CLEAN), on=NEW)


def test_hourly_particles_of_2012() -> None:
    nine = {"SO2": 5, "NO2": 20, "CO": 0.5, "O3": 60, "O3_8h": 50, "PM10_24h": 150, "PM25_24h": 10}
    rolling = hourly(nine, edition="2012")
    assert (rolling.aqi, rolling.primary, rolling.primary_items) == (100, ("PM10",), ("PM10_24h",))
    assert not rolling.missing
    both = hourly(nine | {"PM10": 20}, edition="2012")
    assert both.aqi < 50
    assert any("PM10_24h" in line for line in both.trace.lines() if line.startswith("未采用"))
    assert hourly(nine | {"PM10": 20}, on=NEW).aqi < 50


@pytest.mark.parametrize(
    "bad",
    [{"SO2": -1}, {"PM2.5": "x"}, {"PM2.5": float("nan")}, {"Rn": 3}, {"PM25": 3}, {"CO": True}],
)
def test_bad_input_is_a_clear_error(bad: dict[str, object]) -> None:
    with pytest.raises(InputError) as error:
        hourly(CLEAN | bad, on=NEW)
    assert error.value.zh
    assert error.value.en


def test_units() -> None:
    assert hourly(CLEAN | {"CO": Quantity(500, "μg/m³")}, on=NEW).aqi == hourly(CLEAN, on=NEW).aqi
    with pytest.raises(UnitError):
        hourly(CLEAN | {"SO2": Quantity(3, "ppb")}, on=NEW)


def test_a_clean_day_of_2026_is_at_least_1() -> None:
    zeros = dict.fromkeys(CLEAN_DAY, 0)
    assert daily(zeros, on=NEW).aqi == 1
    assert daily(zeros | {"O3_1h": 0}, on=OLD).aqi == 0


@given(
    st.sampled_from(["2012", "2026"]),
    st.sampled_from(["SO2", "NO2", "CO", "PM10", "PM2.5"]),
    st.integers(0, 3_000_000),
)
def test_an_index_is_the_exact_ceiling(edition: str, pollutant: str, thousandths: int) -> None:
    value = Decimal(thousandths).scaleb(-3 if pollutant != "CO" else -5)
    found, _ = sub_index(pollutant, "24h", str(value), edition=edition)
    rows = packaged().rows("aqi_breakpoints", edition=edition, symbol=pollutant, averaging_period="24h")
    points = sorted((int(r["iaqi"]), Fraction(r["bp"])) for r in rows)
    c = Fraction(found.concentration)
    exact = Fraction(500)
    for (low_i, low), (high_i, high) in itertools.pairwise(points):
        if low <= c <= high:
            exact = Fraction(high_i - low_i) * (c - low) / (high - low) + low_i
            break
    assert found.iaqi == -((-exact.numerator) // exact.denominator)
