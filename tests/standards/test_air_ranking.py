from datetime import date
from decimal import Decimal

import pytest

from qingjian.rulebook import packaged
from qingjian.standards.air.composite import composite_index, variants
from qingjian.standards.air.events import Event, days_without, deduct, taken_on
from qingjian.standards.air.ranking import change_rate, improvement, rank
from qingjian.standards.errors import EditionError, InputError
from qingjian.standards.quantity import Quantity

VALUES = {"SO2": 12, "NO2": 31, "PM10": 74, "PM2.5": 37, "CO": "1.4", "O3": 168}


def test_the_official_rule_until_february_2026_then_a_provisional_one() -> None:
    old = composite_index(VALUES, on=date(2026, 2, 28))
    assert (old.value, old.provisional, old.largest) == (Decimal("4.49"), False, ("PM10", "PM2.5"))
    new = composite_index(VALUES, on=date(2026, 3, 1))
    assert new.provisional
    assert new.value > old.value
    assert "暂行" in "\n".join(new.trace.lines())
    assert composite_index(VALUES, on=date(2031, 1, 1)).value > new.value


def test_every_variant_has_six_items_and_gives_an_index() -> None:
    names = variants()
    assert len(names) == 4
    for name in names:
        rows = packaged().rows("composite_index", variant=name)
        assert {row["symbol"] for row in rows} == set(VALUES)
        result = composite_index(VALUES, variant=name)
        parts = sum(
            Decimal(str(VALUES[r["symbol"]])) / Decimal(r["standard_value"]) * Decimal(r["weight"])
            for r in rows
        )
        assert result.exact == parts
        assert abs(sum(result.shares.values()) - 100) <= Decimal("0.3")


def test_units_missing_items_and_names() -> None:
    same = composite_index(VALUES | {"CO": Quantity(1400, "μg/m³")}, variant="2018 rule")
    assert same.exact == composite_index(VALUES, variant="2018 rule").exact
    for bad in ({k: v for k, v in VALUES.items() if k != "CO"}, VALUES | {"NO": 1}, VALUES | {"PM25": 3}):
        with pytest.raises(InputError):
            composite_index(bad, variant="2018 rule")
    with pytest.raises(EditionError):
        composite_index(VALUES, variant="1990 rule")
    with pytest.raises(EditionError):
        composite_index(VALUES)
    with pytest.raises(EditionError):
        composite_index(VALUES, on=date(2010, 1, 1))


def test_ranking_ties_and_movement() -> None:
    now = {"a": Decimal("3.1"), "b": Decimal("2.9"), "c": Decimal("3.1"), "d": Decimal("4")}
    before = {"a": Decimal(1), "b": Decimal(2), "c": Decimal(3)}
    places = rank(now, earlier=before)
    assert [(p.name, p.rank, p.movement) for p in places] == [
        ("b", 1, 1),
        ("a", 2, -1),
        ("c", 2, 1),
        ("d", 4, None),
    ]
    worst = rank(now, best_first=False)
    assert next((p.name, p.rank) for p in worst) == ("d", 1)
    assert rank({}) == ()


def test_improvement_and_change_rate() -> None:
    assert change_rate(Decimal("2.63"), Decimal("2.89")) == Decimal("-9.0")
    places = improvement(
        {"a": Decimal(9), "b": Decimal(11), "new": Decimal(1)}, {"a": Decimal(10), "b": Decimal(10)}
    )
    assert [(p.name, p.value, p.rank) for p in places] == [
        ("a", Decimal("-10.0"), 1),
        ("b", Decimal("10.0"), 2),
    ]
    for base in (Decimal(0), Decimal(-1)):
        with pytest.raises(InputError):
            change_rate(Decimal(1), base)


DAILY = {
    "PM10": {date(2026, 4, day): Decimal(400 if day == 2 else 50) for day in range(1, 5)},
    "NO2": {date(2026, 4, day): Decimal(20) for day in range(1, 5)},
    "PM25": {date(2026, 4, 2): None},
}


def test_sand_dust_takes_out_particles_and_keeps_the_full_series() -> None:
    event = Event("sand_dust", date(2026, 4, 2), date(2026, 4, 3), "监测总站函 12 号")
    result = deduct(DAILY, [event])
    assert result.deducted == {"PM10": (date(2026, 4, 2), date(2026, 4, 3)), "NO2": (), "PM2.5": ()}
    assert result.daily["PM10"][date(2026, 4, 2)] is None
    assert DAILY["PM10"][date(2026, 4, 2)] == 400
    assert "监测总站函 12 号" in "\n".join(result.trace.lines())
    assert not result.trace.may_act_alone


def test_events_need_approval_and_a_rule_in_force() -> None:
    silent = deduct(DAILY, [Event("sand_dust", date(2026, 4, 2), date(2026, 4, 2), " ")])
    assert silent.deducted["PM10"] == ()
    assert any("没有批准文件" in line for line in silent.trace.lines())
    fire = Event("exception_event", date(2026, 4, 1), date(2026, 4, 1), "doc", frozenset({"NO2"}))
    assert deduct(DAILY, [fire]).deducted["NO2"] == (date(2026, 4, 1),)
    every = Event("exception_event", date(2026, 4, 1), date(2026, 4, 1), "doc")
    assert deduct(DAILY, [every]).deducted["PM10"] == (date(2026, 4, 1),)
    with pytest.raises(EditionError):
        deduct(DAILY, [Event("exception_event", date(2026, 2, 27), date(2026, 3, 1), "doc")])
    with pytest.raises(InputError):
        deduct(DAILY, [Event("sand_dust", date(2026, 4, 3), date(2026, 4, 2), "doc")])
    with pytest.raises(InputError):
        deduct(DAILY, [Event("sand_dust", date(2026, 4, 2), date(2026, 4, 2), "doc", frozenset({"O3"}))])


def test_days_of_dust_count_with_what_is_left_and_leave_without_anything_left() -> None:
    values = {"SO2": Decimal(8), "PM10": Decimal(640), "O3_8h": Decimal(120)}
    days = {date(2026, 4, day): dict(values) for day in (1, 2)}
    days[date(2026, 4, 3)] = {"PM10": Decimal(640)}
    found = days_without(days, [Event("sand_dust", date(2026, 4, 2), date(2026, 4, 3), "监测总站函 12 号")])
    assert set(found.taken) == {date(2026, 4, 2), date(2026, 4, 3)}
    assert found.taken[date(2026, 4, 2)] == {"PM10"}
    assert (found.days[date(2026, 4, 2)].category, found.days[date(2026, 4, 2)].primary) == ("良", ("O3",))
    assert found.days[date(2026, 4, 3)] is None
    assert not found.trace.may_act_alone
    assert days_without(days, [Event("sand_dust", date(2026, 4, 2), date(2026, 4, 3), " ")]).days == {}


def test_ozone_of_both_periods_leaves_together() -> None:
    day = date(2026, 4, 2)
    event = Event("exception_event", day, day, "函", frozenset({"O3"}))
    found = days_without({day: {"SO2": Decimal(8), "O3_8h": Decimal(220)}}, [event])
    assert (found.taken[day], found.days[day].aqi) == ({"O3"}, 8)
    assert taken_on(day, [event])[0] == {"O3"}
    assert taken_on(date(2026, 4, 3), [event]) == (frozenset(), ())


def test_the_reason_names_the_rest_in_the_order_of_the_standard() -> None:
    """A database gives the items of a day back in an order of its own."""
    day = date(2026, 4, 2)
    event = Event("sand_dust", day, day, "函")
    items = {
        "O3_8h": Decimal(80),
        "PM10": Decimal(640),
        "CO": Decimal(1),
        "SO2": Decimal(8),
        "NO2": Decimal(20),
    }
    assert any(
        "SO2、NO2、CO、O3_8h" in step.text.zh for step in days_without({day: items}, [event]).trace.steps
    )
