"""Noise, radiation, soil, groundwater, drinking water, lakes, black-odorous water and ecology: from data to result."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta

import openpyxl
import pytest
from tests.apps.conftest import County
from tests.apps.evaluation.conftest import Data, enter

from qingjian.apps.evaluation import cards, inputs, laboratory, queries, services, sheets
from qingjian.apps.evaluation.elements import ELEMENT_RULES
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.evaluation.samples import Sample
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing import services as observing
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Alert, FindingRecord, Mark
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import clock, now
from qingjian.standards.quantity import Quantity

DAY = date(2026, 11, 10)
MIDNIGHT = datetime(2026, 11, 10, tzinfo=CHINA)


def only(kind: str) -> Evaluation:
    return Evaluation.objects.get(kind=kind, superseded_at=None)


def steps(row: Evaluation) -> str:
    return "\n".join(one["zh"] for one in row.trace["steps"])


def test_groundwater_is_classed_by_its_worst_item(elements: Data) -> None:
    enter({"G1.gx005": "7.2", "G1.gx018": "0.62", "G1.gx033": "0.002L", "G1.gx002": "0"})
    services.evaluate("groundwater", DAY, DAY)
    row = only("groundwater")
    assert (row.water_class, row.target, row.reached) == ("Ⅳ", "Ⅲ", False)
    assert row.result["decided_by"] == ["氨氮"]
    assert row.values["used"]["铅"] == "0.002L"
    assert {one["item"] for one in row.result["items"]} == {"pH", "氨氮", "铅", "嗅和味"}
    assert "低于检出限" in str(row.trace["inputs"])
    assert "39 项常规指标中缺 35 项" in steps(row)


def test_what_the_standard_refuses_is_left_out_with_its_reason(elements: Data) -> None:
    enter({"G1.gx005": "15", "G1.gx018": "0.1", "G1.gx002": "3"})
    services.evaluate("groundwater", DAY, DAY)
    row = only("groundwater")
    assert row.water_class == "Ⅱ"
    assert set(row.values["rejected"]) == {"pH", "嗅和味"}
    assert "pH 不能大于 14" in row.values["rejected"]["pH"]["zh"]


def test_farmland_needs_ph_and_its_crop_decides_the_limit(elements: Data) -> None:
    enter({"F1.sx002": "0.7"})
    services.evaluate("soil", DAY, DAY)
    assert (only("soil").category, only("soil").exceeds) == ("", None)
    assert "pH 未测" in only("soil").values["rejected"]["镉"]["zh"]
    enter({"F1.sx000": "7.0"})
    services.evaluate("soil", DAY, DAY)
    row = only("soil")
    assert (row.category, row.exceeds, row.revision) == ("安全利用", True, 1)
    assert row.result["items"][0]["screening"] == "0.6"
    assert row.multiple == pytest.approx(0.1667)


def test_construction_land_looks_at_the_background_of_arsenic(elements: Data) -> None:
    enter({"C1.sx001": "35", "C1.sx020": "0.4"})
    services.evaluate("soil", DAY, DAY)
    row = only("soil")
    assert (row.category, row.exceeds) == ("不超过筛选值", False)
    assert "不高于背景值" in steps(row)


def test_sources_attain_by_number_and_volume(elements: Data) -> None:
    enter({"D1.w21003": "0.3", "D1.w21001": "2.5", "D1.dx004": "0.5", "D1.dx000": "100000"})
    enter({"D2.gx018": "0.2", "D2.dx000": "300000"})
    services.evaluate("drinking", DAY, DAY)
    surface, ground = (Evaluation.objects.get(kind="drinking", point__code=code) for code in ("D1", "D2"))
    assert (surface.reached, surface.main_items) == (False, "铁")
    assert surface.result["reference_only"] == ["TN"], "total nitrogen is not assessed"
    assert (ground.reached, ground.values["volume_m3"]) == (True, 300000.0)
    found = cards.drinking_month([surface.point, ground.point], date(2026, 11, 1))
    assert sorted((one.attained, one.volume) for one in found) == [(False, 100000), (True, 300000)]


def test_a_verdict_on_a_few_items_says_how_many_and_which_are_missing(elements: Data, place, client) -> None:
    enter({"D1.w21003": "0.3", "D2.gx018": "0.2", "F1.sx000": "6.0", "F1.sx002": "0.2"})
    for element in ("drinking", "soil"):
        services.evaluate(element, DAY, DAY)
    client.force_login(place.person("reader", "station_staff"))
    for code, element, measured, basic, missing in (
        ("D1", "drinking", 1, 26, "硫酸盐"),
        ("D2", "drinking", 1, 39, "硫酸盐"),
        ("F1", "soil", 1, 8, "锌"),
    ):
        row = Evaluation.objects.get(kind=element, point__code=code)
        assert (row.result["basic"], len(row.result["not_measured"])) == (basic, basic - measured)
        assert f"{basic} 项基本项目中缺 {basic - measured} 项" in steps(row)
        said = f"基本项目测了 {measured}/{basic} 项"
        assert said in client.get(f"/elements/{element}/").content.decode()
        assert missing in client.get(f"/elements/{element}/{code}/").content.decode()
        book = openpyxl.load_workbook(io.BytesIO(client.get(f"/elements/{element}/?export=xlsx").content))
        assert any(said in str(cell) for line in book.active.iter_rows(values_only=True) for cell in line)
    number = client.get("/elements/drinking/").context["cards"][0]
    assert "2 个水源只评价了部分基本项目" in number.detail


def test_a_source_without_volume_counts_by_number_all_the_same(elements: Data, place, client) -> None:
    enter({"D1.w21003": "0.3", "D1.w21001": "2.5", "D1.dx004": "0.5"})
    enter({"D2.gx018": "0.2", "D2.dx000": "300000"})
    services.evaluate("drinking", DAY, DAY)
    client.force_login(place.person("reader", "station_staff"))
    number, volume = client.get("/elements/drinking/").context["cards"][:2]
    assert (number.answer, number.detail[10:15]) == ("50.0%", "1 / 2")
    assert volume.answer == "100.0%"


def test_rates_of_an_earlier_month_and_quarter_can_be_read_and_exported(
    elements: Data, place, client
) -> None:
    enter({"D1.w21003": "0.3"})
    enter({"D1.w21003": "3.0"}, day="2026-09-10")
    elements.put("N1.Leq", MIDNIGHT, [50.0] * 24)
    summer = datetime(2026, 8, 5, tzinfo=CHINA)
    elements.put("N1.Leq", summer, [52.0] * 6 + [58.0] * 16 + [52.0] * 2)
    for element, day in (("drinking", date(2026, 9, 10)), ("noise", summer.date())):
        for one in (day, DAY):
            services.evaluate(element, one, one)
    client.force_login(place.person("reader", "station_staff"))

    def answers(address: str) -> list[str]:
        return [one.answer for one in client.get(address).context["cards"][:1]]

    assert (answers("/elements/drinking/"), answers("/elements/drinking/?month=2026-09")) == (
        ["100.0%"],
        ["0.0%"],
    )
    shown = client.get("/elements/noise/?month=2026-08").context
    assert [one[1] for one in shown["periods"]] == ["2026年第4季度", "2026年第3季度"]
    assert [one.answer for one in shown["cards"][:2]] == ["100.0%", "0.0%"]
    assert "2026年第3季度 · 1 个测站日中 0 个达标" in shown["cards"][1].detail
    Point.objects.filter(code="D1").update(status="stopped")
    book = openpyxl.load_workbook(
        io.BytesIO(client.get("/elements/drinking/?month=2026-09&export=xlsx").content)
    )
    assert ("按个数达标率", "0.0%") in [line[:2] for line in book["汇总"].iter_rows(values_only=True)]
    assert client.get("/elements/drinking/?month=abc").status_code == 400


@pytest.mark.parametrize("volume", ["-1", "-100000"])
def test_an_impossible_volume_is_left_out_with_its_reason(elements: Data, volume: str) -> None:
    enter({"D1.w21003": "0.3", "D1.dx000": volume})
    services.evaluate("drinking", DAY, DAY)
    row = only("drinking")
    assert row.reached is True
    assert "volume_m3" not in row.values
    assert row.values["rejected"]["取水量"]["value"] == volume


@pytest.mark.parametrize(("depth", "unit"), [("-0.5", "m"), ("30", "mg/L")])
def test_an_impossible_depth_is_left_out_with_its_reason(elements: Data, depth: str, unit: str) -> None:
    given = {"SD": Quantity("20", "cm"), "depth": Quantity(depth, unit)}
    sample = Sample(Point.objects.get(code="B1"), DAY, given)
    draft = laboratory.black_odorous_sample(sample, rulebook())
    assert draft.values["rejected"]["depth"]["value"] == depth
    assert draft.category


def test_a_lake_has_a_trophic_level_of_the_month(elements: Data) -> None:
    enter({"L1.w21011": "0.05", "L1.w21001": "1.0", "L1.w01x16": "10", "L1.w01x04": "1.0", "L1.w01019": "4"})
    services.evaluate("water", DAY, DAY)
    row = only("lake_month")
    assert row.category == "中营养"
    assert 40 < row.result["tli"] <= 50
    month = only("water_month")
    assert month.water_class == "Ⅲ", "total phosphorus by the limits of lakes"
    assert "chla" not in str(month.result["items"])


def test_samples_of_a_section_make_its_month_and_keep_small_numbers(elements: Data) -> None:
    enter({"M1.w01009": "6.2", "M1.w20111": "0.00002L"})
    services.evaluate("water", DAY, DAY)
    sample, month = only("water_sample"), only("water_month")
    assert (sample.water_class, month.water_class) == ("Ⅱ", "Ⅱ")
    assert month.values["used"]["Hg"] == 0.00001
    enter({"M1.w01009": "2.4"}, "2026-11-20")
    services.evaluate("water", date(2026, 11, 20), date(2026, 11, 20))
    assert only("water_month").values["used"]["DO"] == 4.3


def test_black_odorous_water_by_its_worst_indicator(elements: Data) -> None:
    enter({"B1.w01009": "1.5", "B1.w21003": "16", "B1.w01x04": "0.6"})
    services.evaluate("water", DAY, DAY)
    row = only("black_odorous")
    assert (row.category, row.exceeds, row.main_items) == ("重度黑臭", True, "NH3-N")


def test_a_noise_station_is_judged_by_day_and_night(elements: Data) -> None:
    elements.put("N1.Leq", MIDNIGHT, [52.0] * 6 + [58.0] * 16 + [52.0] * 2)
    services.evaluate("noise", DAY, DAY)
    row = only("noise_day")
    assert row.result["levels"] == {"Ld": 58.0, "Ln": 52.0, "Leq": 56.8}
    assert row.result["attained"] == {"Ld": True, "Ln": False}
    assert (row.reached, row.main_items) == (False, "Ln")
    assert row.result["excess"] == {"Ln": 2.0}


def test_too_few_hours_judge_nothing_and_marks_count(elements: Data, place: County) -> None:
    elements.put("N1.Leq", MIDNIGHT, [45.0] * 6 + [70.0] * 16 + [45.0] * 2)
    author = place.person("biaoji", "data_manager")
    Mark.objects.create(
        point=Evaluation._meta.get_field("point").related_model.objects.get(code="N1"),
        series=["N1.Leq"],
        start=MIDNIGHT + timedelta(hours=6),
        end=MIDNIGHT + timedelta(hours=14),
        kind=Mark.Kind.INVALID,
        reason="检修",
        author=author,
        known_at=now(),
    )
    services.evaluate("noise", DAY, DAY)
    row = only("noise_day")
    assert row.result["levels"] == {"Ln": 45.0}, "16 of 24 hours make no level of the whole day"
    assert "Leq: 16/24 个有效小时（至少 18）" in steps(row)
    assert row.values["counts"] == {"Ld": 8, "Ln": 8, "Leq": 16}
    assert row.result["attained"] == {"Ld": None, "Ln": True}
    assert len(row.values["rejected"]) == 8
    assert "8/16 个有效小时（至少 12）" in steps(row)


def test_areas_and_roads_are_rated_by_the_year(elements: Data) -> None:
    enter({"NA.Ld": "54", "NA.Ln": "46", "NB.Ld": "57", "NR.Ld": "69", "NS.Ld": "75"})
    services.evaluate("noise", DAY, DAY)
    area, road = only("noise_area_year"), only("noise_road_year")
    assert area.result["periods"]["Ld"] | {"rating": ""} == {
        "value": 55.5,
        "level": "三级",
        "rating": "",
        "points": 2,
    }
    assert area.point is None
    assert area.start == datetime(2026, 1, 1, tzinfo=CHINA)
    assert road.result["periods"]["Ld"]["value"] == 69.0, "a road without length does not count"
    assert "长度未登记" in str(road.trace["inputs"])
    without_zone = Evaluation.objects.get(kind="noise_survey", point__code="NB")
    assert without_zone.reached is None
    assert "未登记声环境功能区" in steps(without_zone)


def test_dose_rates_are_held_against_own_history_and_rain_is_told(elements: Data) -> None:
    start = datetime(2026, 9, 1, tzinfo=CHINA)
    elements.put("RD.r00x01", start, [80.0, 82.0] * (24 * 45))
    elements.put("RD.r00x01", MIDNIGHT, [81.0] * 10 + [120.0] + [95.0] + [81.0] * 12)
    elements.put("RD.a01x02", MIDNIGHT, [0.0] * 11 + [3.0] + [0.0] * 12)
    services.evaluate("radiation", DAY, DAY)
    row = only("radiation_day")
    assert row.exceeds is True
    assert (row.result["above"], row.result["wet"]) == ([10, 11], [11])
    assert row.result["highest"] == 120.0
    assert row.result["outside_background"] == [10]
    assert 83 < row.result["threshold"] < 85
    elements.put("RD.r00x01", MIDNIGHT + timedelta(days=1), [81.0] * 11 + [95.0] + [81.0] * 12)
    elements.put("RD.a01x02", MIDNIGHT + timedelta(days=1), [0.0] * 11 + [3.0] + [0.0] * 12)
    services.evaluate("radiation", date(2026, 11, 11), date(2026, 11, 11))
    wet = Evaluation.objects.get(kind="radiation_day", start=MIDNIGHT + timedelta(days=1))
    assert (wet.exceeds, wet.category) == (False, "降雨偏高")


def test_a_dry_hour_above_the_threshold_asks_somebody_and_is_taken_back(
    elements: Data, place: County
) -> None:
    elements.put("RD.r00x01", datetime(2026, 9, 1, tzinfo=CHINA), [80.0, 82.0] * (24 * 40))
    day = datetime(2026, 11, 20, tzinfo=CHINA)
    elements.put("RD.r00x01", day, [81.0] * 10 + [120.0, 130.0] + [81.0] * 12)
    services.catch_up("radiation", 120)
    observing.consume_findings()
    alert = Alert.objects.get(rule="dose-rate-above-history")
    assert alert.severity == "major"
    clock().advance(60)  # type: ignore[attr-defined]
    elements.put("RD.r00x01", day, [81.0] * 24)
    services.follow("radiation")
    observing.consume_findings()
    assert stores.findings().open_findings("dose-rate-above-history") == []
    newest = FindingRecord.objects.get(alert=alert)
    assert newest.evidence["withdrawn"] is True


def test_a_short_history_judges_nothing(elements: Data) -> None:
    elements.put("RD.r00x01", MIDNIGHT, [300.0] * 24)
    services.evaluate("radiation", DAY, DAY)
    assert only("radiation_day").exceeds is None
    assert "不判定" in steps(only("radiation_day"))


def test_ecology_has_an_index_and_a_class_of_change(elements: Data) -> None:
    parts = ("EC.ex01", "EC.ex02", "EC.ex03", "EC.ex04")
    enter(dict(zip(parts, ("60", "58", "55", "30"), strict=True)), "2024-01-01", "year")
    enter(dict(zip(parts, ("66", "64", "60", "25"), strict=True)), "2025-01-01", "year")
    services.catch_up("ecology", 60)
    first, second = Evaluation.objects.filter(kind="ecology_year").order_by("start")
    assert first.result["eqi"] == pytest.approx(0.36 * 60 + 0.35 * 58 + 0.19 * 55 + 0.10 * 70)
    assert "上一年没有完整数据" in steps(first)
    assert second.result["change"] == pytest.approx(5.71)
    assert second.result["change_label"] == "明显变好"
    clock().advance(60)  # type: ignore[attr-defined]
    enter({"EC.ex01": "70"}, "2024-01-01", "year")
    services.follow("ecology")
    assert only_year(2024).revision == 1
    assert only_year(2025).result["change"] == pytest.approx(2.11), "the year after follows late data"


def only_year(year: int) -> Evaluation:
    return Evaluation.objects.get(
        kind="ecology_year", superseded_at=None, start=datetime(year, 1, 1, tzinfo=CHINA)
    )


def test_late_samples_are_followed_and_the_earlier_result_stays(elements: Data) -> None:
    enter({"G1.gx018": "0.62"})
    services.catch_up("groundwater", 60)
    clock().advance(60)  # type: ignore[attr-defined]
    enter({"G1.gx018": "0.05"})
    services.follow("groundwater")
    rows = Evaluation.objects.filter(kind="groundwater").order_by("revision")
    assert [row.water_class for row in rows] == ["Ⅳ", "Ⅱ"]
    assert rows[0].superseded_at is not None


def test_back_history_reaches_years_back_for_samples(elements: Data) -> None:
    enter({"F1.sx000": "7.0", "F1.sx002": "0.2"}, "2019-09-18")
    services.catch_up("soil", 60)
    assert only("soil").category == "优先保护"


def test_no_data_make_no_result(elements: Data) -> None:
    for element in ("noise", "radiation", "groundwater", "drinking", "soil", "ecology"):
        assert services.catch_up(element, 60) == (0, False) or Evaluation.objects.count() == 0


def test_one_code_base_of_words_covers_every_kind_of_result(elements: Data, place: County) -> None:
    enter({"G1.gx018": "0.62", "F1.sx000": "7.0", "F1.sx002": "0.7"})
    for element in ELEMENT_RULES:
        services.evaluate(element, DAY, DAY)
    kinds = {kind for one in sheets.SHEETS.values() for kind in (*one.kinds, *one.regions)}
    assert kinds <= set(sheets.FACES)
    assert {kind for rules in ELEMENT_RULES.values() for kind in rules.kinds} == set(Evaluation.Kind.values)
    assert queries.catching_up("soil") is True


def test_what_the_platform_made_speaks_only_where_nothing_else_does(elements: Data) -> None:
    own = Series.objects.get(code="N1.Leq")
    Series.objects.filter(pk=own.pk).update(origin="simulated")
    made = Series.objects.get(code="N1.Leq")
    made.pk, made.code, made.origin = None, "N1.Leq.platform", "platform"
    made.save()
    rows = list(Series.objects.filter(point__code="N1").select_related("factor"))
    assert inputs.best(rows)["Leq"].code == "N1.Leq"
    assert inputs.best([made])["Leq"].code == "N1.Leq.platform"
