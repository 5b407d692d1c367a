"""Rows that no evaluation could read are refused when they are proposed and when they are approved."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from qingjian.apps.rulekeeping import queries, services
from qingjian.rulebook import packaged


@pytest.fixture
def people(county):
    return [county.person(name, "data_manager", region=county.city) for name in ("m", "c")]


def text(table: str, find: dict[str, str], change: dict[str, str]) -> str:
    held = next(row for row in packaged().rows(table) if find.items() <= row.values.items())
    return services.as_csv(table, [{**held.values, **change, "source": "市规〔2026〕3号"}])


LEVEL = {"edition": "2026", "level": "二级"}
NEXT = {"edition": "2026", "level": "三级"}


@pytest.mark.parametrize(
    ("table", "find", "change"),
    [
        ("evaluation_parameters", {"subject": "comparison", "edition": "2026"}, {"value": "修约"}),
        ("data_validity", {"edition": "2026", "item": "percentiles"}, {"rule": "PM2.5 95百分位"}),
        ("aqi_levels", LEVEL, {"aqi_hi": "80"}),
    ],
)
def test_a_row_nobody_reads_is_refused_before_anybody_approves_it(people, table, find, change) -> None:
    for language, pattern in (("zh-hans", "[\u4e00-\u9fff]"), ("en", "evaluated|full|rounded")):
        with translation.override(language), pytest.raises(ValidationError, match=pattern):
            services.propose(people[0], table, text(table, find, change), "地方规定")
    assert queries.rulebook() == packaged()


def test_two_proposals_that_are_right_alone_are_refused_together(people) -> None:
    """One narrows 良 and widens 轻度污染 with it; the other, made before that, narrows 轻度污染 from below."""
    maker, checker = people
    rows = [
        next(row for row in packaged().rows("aqi_levels") if find.items() <= row.values.items())
        for find in (LEVEL, NEXT)
    ]
    both = services.as_csv(
        "aqi_levels",
        [
            {**rows[0].values, "aqi_hi": "90", "source": "市规〔2026〕3号"},
            {**rows[1].values, "aqi_lo": "91", "source": "市规〔2026〕3号"},
        ],
    )
    change = services.propose(maker, "aqi_levels", both, "地方规定")
    services.approve(checker, change, 0, "市规〔2026〕3号 第1页")
    own = {row["level"]: row.id for row in queries.rulebook().local_rows()}
    with pytest.raises(ValidationError, match="AQI 91"):
        services.propose(maker, "aqi_levels", "", "不再使用", taken_back=[own["二级"]])
    services.propose(maker, "aqi_levels", "", "不再使用", taken_back=list(own.values()))


def test_rules_to_confirm_and_limits_are_read_in_chinese(people, client) -> None:
    client.force_login(people[0])
    client.cookies["django_language"] = "zh-hans"
    page = client.get("/rules/?table=data_validity&state=open").content.decode()
    assert "凭记忆录入" in page
    assert "recollection" not in page
    assert (
        "每年至少 324 个日平均值" in client.get("/limits/?table=data_validity&on=2020-01-01").content.decode()
    )
    client.cookies["django_language"] = "en"
    assert "recollection" in client.get("/rules/?table=data_validity&state=open").content.decode()


COD = {"pollutant_cn": "化学需氧量", "class": "Ⅲ"}


def test_a_symbol_is_filled_in_or_refused_before_anybody_approves_it(people) -> None:
    """A corrected class without its symbol left the ladder of COD: 29 mg/L were class Ⅲ."""
    maker, checker = people
    table = "surface_water_limits"
    for symbol in ("XYZ", "BOD5"):
        with pytest.raises(services.RowsRefusedError) as caught:
            services.propose(maker, table, text(table, COD, {"symbol": symbol, "limit": "18"}), "地方规定")
        assert [(one.line, one.column) for one in caught.value.problems] == [(2, "symbol")]
    change = services.propose(maker, table, text(table, COD, {"symbol": "w01018", "limit": "18"}), "地方规定")
    assert [row["symbol"] for row in change.rows] == ["COD"]
    services.approve(checker, change, 0, "市规〔2026〕3号 第1页")
    (own,) = queries.rulebook().local_rows()
    assert (own["symbol"], own.replaces != "") == ("COD", True)


def test_two_lines_that_mean_the_same_are_refused(people) -> None:
    table = "ambient_air_limits"
    find = {"symbol": "PM2.5", "class": "二级", "averaging_period": "年平均", "edition": "2026"}
    lines = [text(table, find, {"symbol": symbol, "limit": "28"}) for symbol in ("PM2.5", "PM25")]
    with pytest.raises(services.RowsRefusedError) as caught:
        services.propose(people[0], table, lines[0] + lines[1].split("\n", 1)[1], "地方规定")
    assert [one.line for one in caught.value.problems] == [3]


def test_a_proposal_of_an_earlier_release_is_looked_at_again(people) -> None:
    maker, checker = people
    table = "surface_water_limits"
    change = services.propose(maker, table, text(table, COD, {"limit": "18"}), "地方规定")
    change.rows = [{**row, "symbol": ""} for row in change.rows]
    change.save()
    with pytest.raises(ValidationError, match="COD"):
        services.approve(checker, change, 0, "市规〔2026〕3号 第1页")
    assert queries.rulebook() == packaged()


def test_units_and_classes_are_written_as_the_tables_have_them(people) -> None:
    find = {"symbol": "PM2.5", "class": "二级", "averaging_period": "年平均", "edition": "2026"}
    typed = {"symbol": "PM25", "class": "2级", "unit": "ug/m3", "limit": "28"}
    change = services.propose(
        people[0], "ambient_air_limits", text("ambient_air_limits", find, typed), "地方规定"
    )
    (row,) = change.rows
    assert [row[name] for name in ("symbol", "class", "unit")] == ["PM2.5", "二级", "μg/m³"]
    assert len(change.before) == 1, "it takes the place of the packaged row"


def test_a_ladder_of_the_place_in_another_unit_is_refused_line_by_line(people) -> None:
    table = "surface_water_limits"
    rows = [
        {**one.values, "standard": "DB44/1", "edition": "2026", "unit": "μg/L", "source": "地方标准第3页"}
        for one in packaged().rows(table, symbol="Hg")
    ]
    for language in ("zh-hans", "en"):
        with translation.override(language), pytest.raises(services.RowsRefusedError, match="mg/L") as caught:
            services.propose(people[0], table, services.as_csv(table, rows), "地方标准")
        assert {one.column for one in caught.value.problems} == {"unit"}
    good = [{**row, "unit": "mg/L"} for row in rows]
    assert services.propose(people[0], table, services.as_csv(table, good), "地方标准").pk


def test_a_setting_of_another_kind_is_refused_in_both_languages(people) -> None:
    find = {"subject": "noise_day", "item": "day starts"}
    for language, said in (("zh-hans", "整数"), ("en", "whole number")):
        with translation.override(language), pytest.raises(ValidationError, match=said):
            services.propose(
                people[0],
                "evaluation_parameters",
                text("evaluation_parameters", find, {"value": "6.5"}),
                "地方规定",
            )


def test_every_wrong_line_is_told_by_its_own_number(people) -> None:
    """A line that could not be read shifted the numbers of all that came after it."""
    held = next(row for row in packaged().rows("noise_limits", standard="GB 3096"))
    good = {**held.values, "source": "市规〔2026〕3号"}
    lines = [
        {**good, "class": "9类"},
        {**good, "limit": "五十"},
        {**good, "averaging_period": "凌晨"},
        {**good, "unit": "mg/L"},
    ]
    with pytest.raises(services.RowsRefusedError) as caught:
        services.propose(people[0], "noise_limits", services.as_csv("noise_limits", lines), "地方规定")
    found = {(one.line, one.column) for one in caught.value.problems}
    assert found == {(2, "class"), (3, "limit"), (4, "averaging_period"), (5, "unit")}


def test_an_empty_line_of_a_sheet_keeps_the_numbers_of_the_others(people) -> None:
    held = next(row for row in packaged().rows("noise_limits", standard="GB 3096"))
    wrong = {**held.values, "source": "x", "class": "9类"}
    with pytest.raises(services.RowsRefusedError) as caught:
        services.propose(people[0], "noise_limits", services.as_csv("noise_limits", [{}, wrong]), "地方规定")
    assert [one.line for one in caught.value.problems] == [3]


def test_what_is_written_otherwise_than_typed_is_told(people, client) -> None:
    held = next(row for row in packaged().rows("noise_limits", standard="GB 3096"))
    form = {
        **held.values,
        "limit": "49",
        "averaging_period": "昼间",
        "source": "市规〔2026〕3号",
        "reason": "地方规定",
    }
    client.force_login(people[0])
    answer = client.post("/limits/propose/?table=noise_limits", form, follow=True)
    page = answer.content.decode()
    assert "昼间 → 昼间 06:00-22:00" in page
    (change,) = queries.changes_visible_to(people[0])
    assert change.rows[0]["averaging_period"] == "昼间 06:00-22:00"
    assert change.before  # it takes the place of the packaged one and stands not beside it
