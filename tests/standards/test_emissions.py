from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from qingjian.rulebook import Confidence, Confirmation, Row, load_csv, packaged
from qingjian.standards.emissions.amounts import against_permit, amount
from qingjian.standards.emissions.judgement import judge, limits_for, period_of, runs
from qingjian.standards.emissions.means import WaterHour, gas_day, water_day
from qingjian.standards.emissions.oxygen import convert, convert_array, reference_oxygen
from qingjian.standards.errors import InputError, UnitError
from qingjian.standards.limits import limit_of
from qingjian.standards.quantity import Quantity

DAY = date(2026, 5, 1)
PLANT = [("GB 18918", "一级A", "")]
PERMIT = (
    "standard,outlet,pollutant_cn,symbol,unit,averaging_period,op,limit,condition,effective_from,effective_to,confidence\n"
    "许可证 9133,DW001,化学需氧量,COD,mg/L,日均值,<=,40,,2026-01-01,2026-12-31,V\n"
    "许可证 9133,DW001,化学需氧量,COD,t,年,<=,12,,2026-01-01,2026-12-31,V\n"
)


def with_permit():  # type: ignore[no-untyped-def]
    rows, errors = load_csv(PERMIT, "permit_limits")
    assert not errors
    return packaged().with_rows(rows)


def test_every_period_of_every_row_is_known() -> None:
    for row in packaged().rows("emission_limits"):
        assert period_of(row["averaging_period"]) in ("instant", "hour", "day", "determination", None)
    with pytest.raises(InputError):
        period_of("七日")


def test_every_emission_row_can_be_found_and_judged() -> None:
    book = packaged()
    for row in book.rows("emission_limits"):
        period = period_of(row["averaging_period"]) or "day"
        on = row.valid_from or DAY
        found = limits_for(
            row["pollutant_cn"],
            period,
            on,
            standards=[(row.standard, row["class"], row["condition"])],
            rulebook=book,
        )
        assert row in [limit.row for limit in found]
        if row["op"] == "<=":
            (mine,) = [limit for limit in found if limit.row == row]
            assert mine.upper is not None
            assert not judge(mine.upper, [mine]).exceeds
            beyond = judge(mine.upper * 2, [mine])
            assert (beyond.exceeds, beyond.multiple, beyond.ratio) == (True, 1, 2)


def test_the_strictest_of_several_limits_decides() -> None:
    book = with_permit()
    limits = limits_for(
        "COD", "day", DAY, standards=[*PLANT, ("GB 8978", "一级", "")], outlet="DW001", rulebook=book
    )
    assert sorted(str(limit.upper) for limit in limits) == ["100", "40", "50"]
    both = judge(60, limits)
    assert both.decided_by.row["outlet"] == "DW001"
    assert both.multiple == Decimal("0.5")
    assert [limit.upper for limit in both.others] == [50]
    assert both.confidence is Confidence.V
    between = judge(45, limits)
    assert (between.exceeds, between.others) == (True, ())
    assert not judge(40, limits).exceeds
    assert not limits_for("COD", "day", date(2027, 1, 1), outlet="DW001", rulebook=book)
    assert "最严" in "\n".join(both.trace.lines())


def test_a_judgement_on_unverified_limits_may_not_act_alone_until_confirmed() -> None:
    limits = limits_for("COD", "day", DAY, standards=PLANT)
    result = judge(60, limits)
    assert result.exceeds
    assert result.confidence is Confidence.U
    assert not result.trace.may_act_alone
    book = packaged().with_confirmation(
        limits[0].row.id, Confirmation("王工", date(2026, 11, 1), "GB 18918 PDF")
    )
    assert judge(60, limits_for("COD", "day", DAY, standards=PLANT, rulebook=book)).trace.may_act_alone


def test_ph_units_and_rounding() -> None:
    acid = limits_for("pH", "day", DAY, standards=PLANT)
    assert not judge(6, acid).exceeds
    assert judge("5.99", acid).exceeds
    assert judge("9.1", acid).multiple is None
    with pytest.raises(InputError):
        judge("14.2", acid)
    limits = limits_for("COD", "day", DAY, standards=PLANT)
    assert judge(Quantity(60_000, "μg/L"), limits).multiple == Decimal("0.2")
    with pytest.raises(UnitError):
        judge(Quantity(60, "mg/m³"), limits)
    assert judge("50.4", limits).exceeds
    assert not judge("50.4", limits, places=0).exceeds
    for bad in (-1, "x", None):
        with pytest.raises(InputError):
            judge(bad, limits)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        judge(1, [])


def test_what_must_not_be_detected() -> None:
    limits = limits_for("烷基汞", "day", DAY, standards=[("GB 8978", "", "")])
    assert not judge("0.00002L", limits).exceeds
    found = judge("0.00002", limits)
    assert (found.exceeds, found.multiple) == (True, None)
    assert "names no averaging period" in "\n".join(found.trace.lines("en"))


def test_the_period_of_the_standard_is_respected() -> None:
    incinerator = [("GB 18485", "", "")]
    hour = limits_for("HCl", "hour", DAY, standards=incinerator)
    day = limits_for("HCl", "day", DAY, standards=incinerator)
    assert (hour[0].upper, day[0].upper) == (60, 50)
    cement = limits_for("SO2", "hour", DAY, standards=[("GB 4915", "修改单", "")])
    assert [limit.upper for limit in cement] == [50]
    assert not limits_for("SO2", "hour", date(2026, 3, 31), standards=[("GB 4915", "修改单", "")])


# --- reference oxygen


def test_conversion_to_reference_oxygen() -> None:
    assert convert(100, measured_oxygen=6, reference=6).value == 100
    assert convert(100, measured_oxygen=11, reference=6).value == 150
    assert convert(Quantity(100_000, "μg/m³"), measured_oxygen="16", reference=11).value == 200
    for oxygen in ("20.5", 21, -1, "21.1"):
        with pytest.raises(InputError):
            convert(100, measured_oxygen=oxygen, reference=6)
    with pytest.raises(InputError):
        convert(-1, measured_oxygen=6, reference=6)
    with pytest.raises(UnitError):
        convert(Quantity(1, "mg/L"), measured_oxygen=6, reference=6)


def test_conversion_of_arrays_agrees() -> None:
    oxygen = np.array([6.0, 11.0, 20.4, 20.5, 21.0, np.nan, -1.0])
    result = convert_array(np.full(7, 100.0), oxygen, 6.0)
    assert result[:3] == pytest.approx(
        [float(convert(100, measured_oxygen=str(o), reference=6).value) for o in oxygen[:3]]
    )
    assert np.isnan(result[3:]).all()


def test_reference_oxygen_is_read_from_the_condition() -> None:
    found = {reference_oxygen(row["condition"]) for row in packaged().rows("emission_limits")}
    assert found == {None, *map(Decimal, ("3", "3.5", "6", "8", "9", "10", "11", "15"))}


# --- means


def test_a_day_of_waste_water_is_weighted_by_flow() -> None:
    hours = [
        WaterHour(10, 100),
        WaterHour(40, 300),
        WaterHour(None, 0),
        WaterHour("20L", Quantity(1, "m³/h")),
    ][:3]
    result = water_day(hours)
    assert (result.value, result.valid_hours, result.due_hours) == (Decimal("32.5"), 2, 2)
    gap = water_day([WaterHour(10, 100)] * 18 + [WaterHour(None, 100)] * 6)
    assert gap.value == 10
    few = water_day([WaterHour(10, 100)] * 17 + [WaterHour(None, 100)] * 6 + [WaterHour(10, None)])
    assert few.value is None
    assert few.reason is not None
    assert few.reason.en == "17 of 24 hours valid, 75% needed"
    still = water_day([WaterHour(None, 0)] * 24)
    assert still.reason is not None
    assert still.reason.zh == "当日未排放"
    with pytest.raises(InputError):
        water_day([WaterHour(-1, 5)])
    with pytest.raises(UnitError):
        water_day([WaterHour(1, Quantity(5, "t"))])


def test_a_day_of_flue_gas_counts_operating_hours() -> None:
    assert gas_day([30] * 18, operating_hours=24).value == 30
    assert gas_day([30] * 17, operating_hours=24).value is None
    assert gas_day([30, None, 50], operating_hours=2).value == 40
    assert gas_day([], operating_hours=0).value is None
    for hours, running in (([30] * 25, 24), ([30], 25), ([30], -1), ([-1], 1)):
        with pytest.raises(InputError):
            gas_day(hours, operating_hours=running)


# --- runs and amounts


def test_runs_of_exceedance() -> None:
    values = [60, 70, np.nan, 55, 10, 51, 50]
    found = runs(values, 50)
    assert [(r.start, r.stop, r.periods) for r in found] == [(0, 2, 2), (3, 4, 1), (5, 6, 1)]
    assert found[0].largest_multiple == pytest.approx(0.4)
    marked = runs(values, 50, usable=[True, False, True, True, True, False, True])
    assert [(r.start, r.stop) for r in marked] == [(0, 1), (3, 4)]
    assert runs([], 50) == ()
    with pytest.raises(InputError):
        runs([[1.0]], 50)
    with pytest.raises(InputError):
        runs([1.0], 0)


def test_amounts() -> None:
    water = amount([(50, 1000), (100, 500), (None, 3), (3, None)], medium="water")
    assert (water.kilograms, water.periods, water.skipped) == (100, 2, 2)
    gas = amount([(50, 100_000)], medium="gas")
    assert gas.kilograms == 5
    assert amount([(Quantity(50_000, "μg/m³"), 100_000)], medium="gas").kilograms == 5
    with pytest.raises(InputError):
        amount([(1, 1)], medium="soup")  # type: ignore[arg-type]
    with pytest.raises(InputError):
        amount([(-1, 1)], medium="water")


def test_the_permitted_amount() -> None:
    assert against_permit(5, 12).standing == "within"
    assert against_permit("9.6", 12).standing == "warning"
    assert against_permit(12, 12).standing == "warning"
    assert against_permit("12.01", 12).standing == "exceeded"
    early = against_permit(5, 12, elapsed_days=100)
    assert (early.projected, early.standing) == (Decimal("152.1"), "warning")
    assert against_permit(Quantity(5000, "kg"), 12).used == Decimal("41.7")
    for bad in ((1, 0, None), (1, 12, 0), (1, 12, 366), (-1, 12, None)):
        with pytest.raises(InputError):
            against_permit(bad[0], bad[1], elapsed_days=bad[2])


@pytest.mark.parametrize(
    ("value", "limits", "strictest", "multiple"),
    [
        ("60 mg/m³", ("50 mg/m³", "1 g/m³"), "50", "0.2"),
        ("60 mg/m³", ("1 g/m³", "50 mg/m³"), "50", "0.2"),
        ("60 mg/m³", ("50 mg/m³", "40000 μg/m³"), "40000", "0.5"),
        ("0.2 ng/m³", ("0.1 ng/m³", "0.001 μg/m³"), "0.1", "1"),
        ("60 mg/L", ("50 mg/L", "1 g/L"), "50", "0.2"),
    ],
)
def test_the_strictest_limit_is_found_whatever_its_unit(
    value: str, limits: tuple[str, str], strictest: str, multiple: str
) -> None:
    found = judge(
        Quantity(*value.split()),
        [
            limit_of(
                Row.from_values(
                    "emission_limits",
                    {
                        "standard": f"DB {place}",
                        "pollutant_cn": "颗粒物",
                        "averaging_period": "小时均值",
                        "op": "<=",
                        "limit": text.split()[0],
                        "unit": text.split()[1],
                        "confidence": "V",
                    },
                )
            )
            for place, text in enumerate(limits)
        ],
    )
    assert (found.decided_by.upper, found.multiple) == (Decimal(strictest), Decimal(multiple))
