import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from qingjian.cli.evaluate import app
from qingjian.standards.evaluation import KINDS, evaluate

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).parents[1].joinpath("data/standards/evaluation_examples.json").read_text("utf-8")
)
RESULTS = {case["id"]: result for case, result in zip(CASES, evaluate(CASES), strict=True)}


def matches(expected: Any, found: Any, tolerance: float) -> bool:
    if isinstance(expected, bool | str):
        return bool(found == expected)
    if isinstance(expected, list):
        return sorted(found) == sorted(expected)
    return abs(found - expected) <= tolerance + 1e-9


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_published_results_are_reproduced(case: dict[str, Any]) -> None:
    result = RESULTS[case["id"]]
    assert "error" not in result
    outputs = result["outputs"]
    if case["quality"] == "ambiguous baseline":
        assert outputs["baseline"] == case["inputs"]["target"]
    for key, expected in case["expected"].items():
        assert matches(expected, outputs[key], case["tolerance"]), (key, expected, outputs[key])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_result_explains_itself_in_both_languages(case: dict[str, Any]) -> None:
    trace = RESULTS[case["id"]]["trace"]
    assert len(trace["zh"]) >= 2
    assert len(trace["en"]) == len(trace["zh"])
    assert trace["detail"]["confidence"] in ("V", "S", "U")
    json.dumps(RESULTS[case["id"]], ensure_ascii=False, allow_nan=False)


def one(kind: str, edition: str, /, **inputs: Any) -> dict[str, Any]:
    (result,) = evaluate([{"id": "x", "kind": kind, "edition": edition, "inputs": inputs}])
    return result


def test_daily_index_of_both_editions() -> None:
    day = {"SO2": 10, "NO2": 40, "CO": 1, "PM10": 130, "PM25": 60, "O3_8h": 100}
    new = one("aqi_daily", "HJ 633-2026", **day)["outputs"]
    assert (new["aqi"], new["category"], new["primary"]) == (104, "轻度污染", ["PM10"])
    old = one("aqi_daily", "HJ 633-2012", **day, O3_1h=120)["outputs"]
    assert (old["aqi"], old["category"], old["primary"]) == (90, "良", ["PM10"])
    ozone = one("aqi_daily", "HJ 633-2026", **(day | {"O3_8h": 230}))["outputs"]
    assert ozone["primary"] == ["O3_8h"]


def test_a_missing_item_under_the_2026_edition_is_na() -> None:
    outputs = one("aqi_hourly", "HJ 633-2026", SO2=1, NO2=2, CO=0.3, O3=40, PM10=20)["outputs"]
    assert (outputs["aqi"], outputs["category"], outputs["aqi_computed"]) == ("NA", "NA", 20)
    assert outputs["missing"] == ["PM25"]


def test_both_editions_must_agree_where_both_are_named() -> None:
    assert one("iaqi", "HJ 633-2012/2026", pollutant="NO2", avg="24h", c=80)["outputs"]["iaqi"] == 100
    assert "disagree" in one("iaqi", "HJ 633-2012/2026", pollutant="PM2.5", avg="24h", c=75)["error"]
    raw = one("iaqi", "HJ 633-2012", pollutant="PM2.5", avg="24h", c=60)["outputs"]
    assert raw == {"iaqi": 82, "iaqi_raw": 81.25}


def test_other_kinds() -> None:
    assert (
        one("river_rating", "环办〔2011〕22号", pct_I_III=70, pct_bad=20)["outputs"]["rating"] == "中度污染"
    )
    assert one("cwqi_ranking", "环办监测〔2017〕51号", cwqi={"b": 5.1, "a": 4.9, "c": 5.1})["outputs"] == {
        "order": ["a", "b", "c"],
        "ranks": {"a": 1, "b": 2, "c": 2},
    }
    assert one("noise_zone", "GB 3096-2008", zone="4a类", Ld=70.1)["outputs"] == {"day_ok": False}
    assert (
        one("noise_rating", "HJ 640-2012", kind="道路交通", period="夜间", leq=58)["outputs"]["level"]
        == "一级"
    )
    assert one("section_class", "GB 3838-2002", **{"NH3-N": "0.02L", "COD": 41})["outputs"]["main"] == ["COD"]
    weighted = one("tli_weighted", "环办〔2011〕22号", TLI_chla=50, TLI_TP=50)["outputs"]
    assert (weighted["TLI"], weighted["state"]) == (50, "中营养")
    assert one(
        "composite_index", "2026 limits, equal weights", SO2=6, NO2=20, PM10=45, PM25=24, CO95=0.8, O3_90=144
    )["outputs"]["provisional"]
    assert one(
        "composite_index", "2018 rule / GB 3095-2012", SO2=6, NO2=20, PM10=70, PM25=35, CO95=0.8, O3_90=160
    )["outputs"]["max_item"] in ("PM10", "PM25", "O3_90")


GOOD = {"id": "good", "kind": "percentage", "edition": "any", "inputs": {"k": 1, "n": 3}}


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "horoscope", "edition": "any", "inputs": {}},
        {"kind": "percentage", "edition": "2012", "inputs": {"k": 1, "n": 2}},
        {"kind": "percentage", "edition": "any", "inputs": {"k": 3, "n": 2}},
        {"kind": "percentage", "edition": "any", "inputs": {"k": 1, "n": 0}},
        {"kind": "percentage", "edition": "any", "inputs": {"k": 1.5, "n": 2}},
        {"kind": "percentage", "edition": "any", "inputs": {"k": 1}},
        {"kind": "percentage", "edition": "any", "inputs": [1, 2]},
        {"kind": "percentage", "edition": "any"},
        {"kind": "percentage", "inputs": {"k": 1, "n": 2}},
        {"kind": ["percentage"], "edition": "any", "inputs": {}},
        {"kind": "aqi_hourly", "edition": "HJ 633-2030", "inputs": {"SO2": 1}},
        {"kind": "aqi_hourly", "edition": "HJ 633-2026", "inputs": {"SO2": -1}},
        {"kind": "aqi_hourly", "edition": "HJ 633-2026", "inputs": {"SO2": "ten"}},
        {"kind": "aqi_hourly", "edition": "HJ 633-2026", "inputs": {"SO2": float("nan")}},
        {"kind": "aqi_hourly", "edition": "HJ 633-2026", "inputs": {"radon": 1}},
        {"kind": "aqi_hourly", "edition": "HJ 633-2026", "inputs": {}},
        {"kind": "aqi_hourly", "edition": "HJ 633-2026", "inputs": {"SO2": {"a": 1}}},
        {"kind": "iaqi", "edition": "HJ 633-2026", "inputs": {"pollutant": "SO2", "avg": "2h", "c": 1}},
        {"kind": "iaqi", "edition": "HJ 633-2012", "inputs": {"pollutant": "SO2", "avg": "1h", "c": 900}},
        {"kind": "section_class", "edition": "GB 3838-2002", "inputs": {"pH": 15}},
        {"kind": "section_class", "edition": "GB 3838-1988", "inputs": {"pH": 7}},
        {"kind": "exceed_class", "edition": "GB 3838-2002", "inputs": {"target": "Ⅲ", "exceed": {"pH": 1}}},
        {"kind": "exceed_class", "edition": "GB 3838-2002", "inputs": {"target": "Ⅲ", "exceed": {"COD": -1}}},
        {"kind": "exceed_class", "edition": "GB 3838-2002", "inputs": {"target": "Ⅲ", "exceed": 3}},
        {
            "kind": "exceed_class",
            "edition": "GB 3838-2002",
            "inputs": {"target": "劣Ⅴ", "exceed": {"COD": 1}},
        },
        {"kind": "river_rating", "edition": "环办〔2011〕22号", "inputs": {"pct_I_III": 90, "pct_bad": 20}},
        {"kind": "tli_single", "edition": "环办〔2011〕22号", "inputs": {"param": "SD", "x": 0}},
        {"kind": "tli_single", "edition": "环办〔2011〕22号", "inputs": {"param": "gold", "x": 1}},
        {
            "kind": "tli_weighted",
            "edition": "环办〔2011〕22号",
            "inputs": {"TLI_TP": 3, "params": ["TP", "TN"]},
        },
        {
            "kind": "tli_weighted",
            "edition": "环办〔2011〕22号",
            "inputs": {"TLI_TP": 3, "params": ["TP", "TP"]},
        },
        {"kind": "tli_weighted", "edition": "环办〔2011〕22号", "inputs": {}},
        {"kind": "cwqi_ranking", "edition": "环办监测〔2017〕51号", "inputs": {"cwqi": {}}},
        {"kind": "noise_zone", "edition": "GB 3096-2008", "inputs": {"zone": "9类", "Ld": 50, "Ln": 40}},
        {"kind": "noise_zone", "edition": "GB 3096-2008", "inputs": {"zone": "2类"}},
        {
            "kind": "noise_rating",
            "edition": "HJ 640-2012",
            "inputs": {"kind": "区域", "period": "傍晚", "leq": 50},
        },
        {"kind": "eqi_class", "edition": "2021 试行", "inputs": {"EQI": 101}},
        {"kind": "composite_index", "edition": "1999", "inputs": {}},
        {"kind": "composite_index", "edition": "2018 rule", "inputs": {"SO2": 1}},
        {"kind": "change_rate", "edition": "any", "inputs": {"now": 1, "base": 0}},
        "not a case",
        None,
    ],
    ids=lambda bad: str(bad)[:60],
)
def test_a_bad_case_is_an_error_and_does_not_stop_the_rest(bad: Any) -> None:
    failed, fine = evaluate([bad, GOOD])
    assert failed["error"]
    assert "outputs" not in failed
    assert failed["error_detail"]["zh"]
    assert failed["error_detail"]["en"]
    assert fine["outputs"] == {"pct": 33.3}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.data())
def test_no_input_stops_the_command(data: st.DataObject) -> None:
    case = copy.deepcopy(data.draw(st.sampled_from(CASES)))
    names = st.sampled_from(sorted(case["inputs"]) or ["x"]) | st.text(max_size=5)
    for _ in range(data.draw(st.integers(0, 3))):
        case["inputs"][data.draw(names)] = data.draw(JSON)
    case["kind"] = data.draw(st.sampled_from([case["kind"], *KINDS]))
    (result,) = evaluate([case])
    assert ("outputs" in result) != ("error" in result)


DAY_2012 = {"SO2": 1, "NO2": 1, "CO": 1, "PM10": 120, "PM25": 60, "O3_8h": 100, "O3_1h": 120}
SIX = {"SO2": 11, "NO2": 16, "PM10": 40, "PM25": 16, "CO95": 0.6, "O3_90": 139}
WEIGHTED = '2026 limits, weights PM2.5=3,NO2=2,O3=2,others=1 (candidate "new algorithm")'


def test_above_its_table_an_item_of_2012_needs_the_other_mean() -> None:
    hour = {"SO2": 900, "NO2": 13, "CO": 0.4, "O3": 36, "PM10": 2, "PM25": 2}
    assert "SO2_24h" in one("aqi_hourly", "HJ 633-2012", **hour)["error"]
    assert one("aqi_hourly", "HJ 633-2012", **hour, SO2_24h=475)["outputs"]["aqi"] == 150
    assert one("aqi_hourly", "HJ 633-2026", **hour)["outputs"]["aqi"] == 200
    ozone = DAY_2012 | {"O3_8h": 900}
    assert one("aqi_daily", "HJ 633-2012", **(ozone | {"O3_1h": 1000}))["outputs"]["primary"] == ["O3_1h"]
    assert "O3_1h" in one("aqi_daily", "HJ 633-2012", **(ozone | {"O3_1h": None}))["error"]


def test_what_live_data_carry_beside_the_report_is_left_out_and_said() -> None:
    hour = {"SO2": 4, "NO2": 13, "CO": 0.4, "O3": 36, "PM10": 2, "PM25": 2, "O3_8h": 300}
    result = one("aqi_hourly", "HJ 633-2012, CNEMC live practice (1h PM, 1h O3)", **hour)
    assert result["outputs"]["aqi"] == 12
    assert any("O3_8h" in line and "not used" in line for line in result["trace"]["en"])
    assert "radon" in one("aqi_hourly", "HJ 633-2026", **hour, radon=1)["error"]


def test_an_item_outside_the_plan_is_a_stroke() -> None:
    day = {"SO2": "/", "NO2": 1, "CO": 1, "PM10": 1, "PM25": 1, "O3_8h": 1}
    outputs = one("aqi_daily", "HJ 633-2026", **day)["outputs"]
    assert (outputs["aqi"], outputs.get("missing")) == (25, None)


def test_names_of_items_and_variants_are_read_as_people_write_them() -> None:
    renamed = {name.replace("PM25", "PM2.5"): value for name, value in SIX.items()}
    assert one("composite_index", "2018 rule / GB 3095-2012", **renamed)["outputs"]["index"] == 2.63
    assert "twice" in one("composite_index", "2018 rule", **SIX, **{"PM2.5": 16})["error"]
    spellings = [WEIGHTED, WEIGHTED.partition(" (")[0], WEIGHTED.replace(" ", ""), "2026 limits, weighted"]
    indices = [one("composite_index", name, **SIX)["outputs"]["index"] for name in spellings]
    assert indices == [5.14] * len(spellings)
    assert one("section_class", "GB 3838–2002", pH=7)["outputs"]["cls"] == "Ⅰ"


def test_units_are_converted_when_written_and_wrong_ones_refused() -> None:
    for written in ("500 μg/L", "500ug/L", {"value": 500, "unit": "μg/L"}, "0.5 mg/L", "5e2 µg/L"):
        assert one("section_class", "GB 3838-2002", **{"NH3-N": written})["outputs"]["cls"] == "Ⅱ", written
    assert one("section_class", "GB 3838-2002", Hg="0.1L μg/L")["outputs"]["cls"] == "Ⅰ"
    assert one("section_class", "GB 3838-2002", COD="1e1")["outputs"]["cls"] == "Ⅰ"
    gas = one("iaqi", "HJ 633-2026", pollutant="CO", avg="24h", c="4000 μg/m³")["outputs"]
    assert gas["iaqi"] == 100
    for unit in ("ppb", "mg/L", "三"):
        assert "error" in one("iaqi", "HJ 633-2026", pollutant="SO2", avg="24h", c=f"12 {unit}"), unit


@pytest.mark.parametrize(
    ("kind", "edition", "inputs"),
    [
        ("change_rate", "any", {"now": -1, "base": 2}),
        ("section_class", "GB 3838-2002", {"pH": "7.5L"}),
        ("section_class", "GB 3838-2002", {"pH": 15}),
        ("section_class", "GB 3838-2002", {"COD": 2_000_000}),
        ("section_class", "GB 3838-2002", {"NH3-N": 1, "氨氮": 1}),
        ("exceed_class", "GB 3838-2002", {"target": "Ⅲ", "exceed": {"NH3-N": 0.3, "氨氮": 0.3}}),
        ("noise_zone", "GB 3096-2008", {"zone": "3类", "Ld": "110L"}),
        ("noise_zone", "GB 3096-2008", {"zone": "3类", "Ld": -5}),
        ("river_rating", "环办〔2011〕22号", {"pct_I_III": 70, "pct_bad": 30.2}),
        ("iaqi", "HJ 633-2012", {"pollutant": "SO2", "avg": "1h", "c": 801}),
        ("aqi_hourly_2013", "HJ 633-2026", {"SO2": 1}),
    ],
)
def test_what_cannot_be_is_refused(kind: str, edition: str, inputs: dict[str, Any]) -> None:
    assert "error" in one(kind, edition, **inputs)


def test_published_shares_may_be_rounded_up_both() -> None:
    found = one("river_rating", "环办〔2011〕22号", pct_I_III=93.8, pct_bad=6.3)
    assert found["outputs"]["rating"] == "优"


def test_the_digits_written_decide_the_rounding_and_repeated_names_are_errors(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    case = '{"id": "%s", "kind": "iaqi", "edition": "HJ 633-2026", "inputs": {"pollutant": "PM2.5", "avg": "24h", "c": %s}}'
    digits = ["60.5", "60.50000000000000000001", "1e400", "NaN", "9" * 5000, '60, "c": 61']
    cases = [case % ("x", c) for c in digits] + [case % ("half\\ud800", "60")]
    file.write_text(f"[{', '.join(cases)}]", "utf-8")
    result = CliRunner().invoke(app, [str(file)])
    assert result.exit_code == 0
    half, above, *refused, pair = json.loads(result.stdout)
    assert (half["outputs"]["iaqi"], above["outputs"]["iaqi"]) == (100, 101)
    assert all("error" in case for case in refused)
    assert "given twice: c" in refused[-1]["error"]
    assert pair["id"] == "half\ud800"


def test_evaluated_again_a_case_loses_its_earlier_error() -> None:
    (failed,) = evaluate([GOOD | {"edition": "2012"}])
    (mended,) = evaluate([failed | {"edition": "any"}])
    assert "error" not in mended
    assert mended["outputs"] == {"pct": 33.3}


def test_the_command_prints_the_list_with_outputs(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps([*CASES, {"id": "bad", "kind": "?"}], ensure_ascii=False), "utf-8")
    result = CliRunner().invoke(app, [str(file)])
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert [case["id"] for case in printed] == [*(case["id"] for case in CASES), "bad"]
    assert all("outputs" in case for case in printed[:-1])
    assert printed[-1]["error"]
    piped = CliRunner().invoke(app, ["-", "--indent", "0"], input=json.dumps([GOOD]))
    assert json.loads(piped.stdout)[0]["outputs"] == {"pct": 33.3}


@pytest.mark.parametrize("content", ["{", "{}", "\x00", ""])
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "cases.json"
    file.write_text(content, "utf-8")
    assert CliRunner().invoke(app, [str(file)]).exit_code == 2
    assert CliRunner().invoke(app, [str(tmp_path / "none.json")]).exit_code == 2


PUBLISHED_2013 = [
    ({"SO2": 6, "NO2": 27, "CO": 1.173, "O3": 16, "O3_8h": 7, "PM10_24h": 24, "PM25_24h": 15}, 24, []),
    (
        {"SO2": 12, "NO2": 20, "CO": 0.562, "O3": 92, "O3_8h": 64, "PM10_24h": 50, "PM25_24h": 30},
        51,
        ["PM10"],
    ),
    (
        {"SO2": 12, "NO2": 16, "CO": 0.57, "O3": 149, "O3_8h": 108, "PM10_24h": 64, "PM25_24h": 29},
        58,
        ["O3_8h", "PM10"],
    ),
    (
        {"SO2": 61, "NO2": 166, "CO": 4.053, "O3": 13, "O3_8h": 9, "PM10_24h": 860, "PM25_24h": 719},
        500,
        ["PM10", "PM25"],
    ),
    ({"PM25_24h": 60}, 82, ["PM25"]),
    ({"PM25_24h": 115}, 151, ["PM25"]),
]
"""City values the collector PM25.in published in 2013, with their printed inputs."""


@pytest.mark.parametrize(("inputs", "aqi", "primary"), PUBLISHED_2013)
def test_what_was_published_in_2013_is_reproduced(inputs, aqi, primary) -> None:
    outputs = one("aqi_hourly_2013", "HJ 633-2012", **inputs)["outputs"]
    assert (outputs["aqi"], sorted(outputs["primary"])) == (aqi, primary)
    low, high = outputs["within_input_rounding"]["aqi"]
    assert low <= aqi <= high
    text = outputs["by_the_text"]
    assert abs(text["aqi"] - aqi) <= 1
    hourly = {name: value for name, value in inputs.items() if name != "O3_8h"}
    same = one("aqi_hourly", "HJ 633-2012", **{name.removesuffix("_24h"): c for name, c in hourly.items()})
    assert all(text["iaqi"][name] == index for name, index in same["outputs"]["iaqi"].items())


def test_on_a_point_of_the_table_the_practice_of_2013_differs_from_the_text_and_says_so() -> None:
    """PM2.5 of exactly the limit is 良 by the text, which counts in evaluations."""
    found = one("aqi_hourly_2013", "HJ 633-2012", PM25_24h=75)
    outputs = found["outputs"]
    assert (outputs["aqi"], outputs["category"], outputs["exceeding"]) == (101, "轻度污染", ["PM25"])
    text = outputs["by_the_text"]
    assert (text["aqi"], text["category"], text["primary"]) == (100, "良", ["PM25"])
    assert "exceeding" not in text
    assert any("以原文为准" in line for line in found["trace"]["zh"])
    assert any("the text counts" in line for line in found["trace"]["en"])
    assert found["trace"]["detail"]["confidence"] == "S"
    agreed = one("aqi_hourly_2013", "HJ 633-2012", PM25_24h=60)
    assert not any("以原文为准" in line for line in agreed["trace"]["zh"])


def test_above_the_table_the_highest_index_was_published_and_missing_items_are_named() -> None:
    outputs = one("aqi_hourly_2013", "HJ 633-2012", PM10_24h=860)["outputs"]
    assert (outputs["aqi"], outputs["by_the_text"]["aqi"]) == (500, 500)
    assert "PM25" in outputs["missing"]
    assert "SO2_24h" in one("aqi_hourly_2013", "HJ 633-2012", SO2=900, PM25_24h=60)["error"]
    assert "no item" in one("aqi_hourly_2013", "HJ 633-2012")["error"]


@pytest.mark.parametrize("name", ["水温", "T"])
def test_an_item_without_limits_of_classes_has_no_class_from_a_multiple(name: str) -> None:
    bad = {"kind": "exceed_class", "edition": "GB 3838-2002", "inputs": {"target": "Ⅲ", "exceed": {name: 1}}}
    failed, fine = evaluate([bad, GOOD])
    assert "没有分类标准限值" in failed["error_detail"]["zh"]
    assert "no limits of classes" in failed["error_detail"]["en"]
    assert fine["outputs"]


def test_a_change_rate_beyond_28_digits_is_still_a_number() -> None:
    huge, fine = evaluate(
        [{"kind": "change_rate", "edition": "any", "inputs": {"now": 1e13, "base": 1e-13}}, GOOD]
    )
    assert huge["outputs"]["pct"] == pytest.approx(1e28)
    assert fine["outputs"]


def test_whatever_breaks_inside_one_case_is_its_error_and_says_that_it_is_a_fault(monkeypatch) -> None:
    def broken(_request: Any) -> Any:
        raise ZeroDivisionError("nobody thought of it")

    monkeypatch.setitem(KINDS, "change_rate", broken)
    failed, fine = evaluate(
        [{"id": "a", "kind": "change_rate", "edition": "any", "inputs": {"now": 1, "base": 1}}, GOOD]
    )
    assert (failed["id"], "outputs" in failed) == ("a", False)
    assert "程序内部错误" in failed["error_detail"]["zh"]
    assert "unexpected error of the program" in failed["error_detail"]["en"]
    assert "ZeroDivisionError: nobody thought of it" in failed["error"]
    assert fine["outputs"] == {"pct": 33.3}


@pytest.mark.parametrize("x", ["10 ug/L", {"value": 10, "unit": "μg/L"}, "0.01 mg/L", "10 mg/m³"])
def test_chlorophyll_may_be_given_per_litre_of_water(x: Any) -> None:
    edition = "环办〔2011〕22号"
    plain = one("tli_single", edition, param="chla", x=10)
    assert one("tli_single", edition, param="chla", x=x)["outputs"] == plain["outputs"]
    assert "error" in one("tli_single", edition, param="TP", x="10 mg/m³")


ONE_LANGUAGE = {
    "tli_state": ({"TLI": 44}, "TLI 44: 中营养 (30≤TLI≤50)", "TLI 44: mesotrophic (30≤TLI≤50)"),
    "tli_single": (
        {"param": "SD", "x": 1},
        "TLI(SD) = 10 × (5.118 − 1.94 × ln x) = 51.18",
        "TLI(SD) = 10 × (5.118 − 1.94 × ln x) = 51.18",
    ),
    "river_rating": (
        {"pct_I_III": 96.9, "pct_bad": 0},
        "Ⅰ–Ⅲ类 96.9%，劣Ⅴ类 0%: 优（Ⅰ～Ⅲ类比例 ≥90%）",
        "Ⅰ–Ⅲ 96.9%, 劣Ⅴ 0%: excellent (I-III share >=90%)",
    ),
    "eqi_class": ({"EQI": 62.7}, "EQI 62.7: 二类 (55≤EQI<70)", "EQI 62.7: class 2 (55≤EQI<70)"),
    "noise_rating": (
        {"kind": "区域", "period": "昼间", "leq": 52},
        "城市声环境 区域环境噪声总体水平 昼间",
        "noise of an area by day",
    ),
    "iaqi_2026": (
        {"pollutant": "SO2", "avg": "1h", "c": 801},
        "SO2: 801 μg/m³，高于最高浓度限值 800，分指数按 200 计",
        "SO2: 801 μg/m³, above the highest breakpoint 800: IAQI 200",
    ),
    "emission": (
        {"item": "COD", "value": 51, "class": "一级A"},
        "GB 18918-2002 表1 一级A 日均值 50 mg/L [U] 表1；日均值（24 小时混合样，至少每 2 小时一次）: 超标（最严，作为判定依据）",
        "GB 18918-2002 表1 一级A 日均值 50 mg/L [U]: exceeds (strictest, decides)",
    ),
}
EDITIONS = {
    "eqi_class": "2021 试行",
    "noise_rating": "HJ 640-2012",
    "iaqi_2026": "HJ 633-2026",
    "emission": "GB 18918-2002",
}


@pytest.mark.parametrize("kind", ONE_LANGUAGE)
def test_a_trace_says_the_rule_in_its_own_language(kind: str) -> None:
    inputs, zh, en = ONE_LANGUAGE[kind]
    edition = EDITIONS.get(kind, "环办〔2011〕22号")
    [done] = evaluate([{"id": "1", "kind": kind, "edition": edition, "inputs": inputs}])
    assert zh in done["trace"]["zh"]
    assert en in done["trace"]["en"]


def test_a_limit_of_every_class_names_none() -> None:
    case = {"id": "1", "kind": "emission", "edition": "GB 8978-1996", "inputs": {"item": "总汞", "value": 1}}
    [done] = evaluate([case])
    assert any("GB 8978-1996 表1 0.05 mg/L" in line for line in done["trace"]["zh"])


def test_the_highest_class_of_ecology_has_its_upper_end() -> None:
    [done] = evaluate([{"id": "1", "kind": "eqi_class", "edition": "2021 试行", "inputs": {"EQI": 100}}])
    assert done["trace"]["en"][1] == "EQI 100: class 1 (70≤EQI≤100)"
