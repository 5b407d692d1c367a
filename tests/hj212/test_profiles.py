import csv
import re
from importlib.resources import files

import pytest

from qingjian.hj212 import codes, profiles

TABLES = ["commands", "factors", "marks", "parameters", "returns", "suffixes", "systems"]
EDITIONS = ["2005", "2017", "2025"]


def rows(table: str) -> list[dict[str, str]]:
    text = files("qingjian.hj212").joinpath(f"data/{table}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_source_and_confidence(table: str) -> None:
    for row in rows(table):
        assert None not in row
        assert None not in row.values()
        assert row["source"]
        assert row["confidence"] in ("V", "S", "U")
        if "editions" in row:
            assert set(row["editions"].split(";")) <= set(EDITIONS)
            if "2025" in row["editions"].split(";") and "confidence_2025" in row:
                # The text of 2025 has not been compared: nothing of it may claim to be verified.
                assert row["confidence_2025"] in ("S", "U"), row


def test_counts_of_the_standards_tables() -> None:
    factors = [row for row in rows("factors") if row["source"].startswith("HJ")]
    assert sum(re.fullmatch(r"w\d{5}", row["code"]) is not None for row in factors) == 63
    assert sum(re.fullmatch(r"a\d{5}", row["code"]) is not None for row in factors) == 121
    assert sum(row["medium"] == "noise" and row["code"] != "" for row in factors) == 12
    assert sum(row["code"].startswith("e") for row in factors) == 90
    assert sum(row["code"].startswith("g") for row in factors) == 55


@pytest.mark.parametrize(
    ("edition", "code", "name"),
    [
        ("2017", "w01018", "化学需氧量"),
        ("2017", "a21005", "一氧化碳"),
        ("2017", "a05024", "臭氧"),
        ("2017", "w01003", "浊度"),
        ("2017", "e10103", "进水口流量"),
        ("2017", "i33312", "炉膛内上部焚烧温度"),
        ("2017", "SB12", "设备（运行状态、运行时间）"),
        ("2005", "011", "化学需氧量"),
        ("2005", "Ld", "昼间等效声级"),
        ("2025", "a24016", "1,1-二氯乙烷"),
    ],
)
def test_factors(edition: str, code: str, name: str) -> None:
    factor = profiles.profile(edition).factor(code)
    assert factor is not None
    assert factor.name_zh == name


def test_factors_of_other_editions_are_unknown() -> None:
    assert profiles.profile("2017").factor("011") is None
    assert profiles.profile("2005").factor("w01018") is None
    assert profiles.profile("2017").factor("d20105") is None
    assert profiles.profile("2017").factor("x") is None
    assert profiles.successor("011") == "w01018"
    assert profiles.successor("999") is None


def test_2025_changes_default_formats() -> None:
    assert profiles.profile("2017").factors["a34013"].format == "N4"
    newer = profiles.profile("2025").factors["a34013"]
    assert (newer.format, newer.confidence) == ("N4.1", "S")


def test_commands_change_their_meaning_between_editions() -> None:
    assert profiles.profile("2005").command("1001", "down") is not None
    assert profiles.profile("2017").command("1001", "down") is None
    registration = profiles.profile("2025").command("1001", "up")
    assert registration is not None
    assert (registration.flow, registration.confidence) == ("notify", "S")
    assert profiles.profile("2025").command("9013", "down") is not None
    compare = profiles.profile("2017").command("3014", "down")
    assert compare is not None
    assert compare.name_zh == "比对采样"


def test_marks_and_returns() -> None:
    assert set(profiles.profile("2005").execution_returns) == {"1", "2", "100"}
    assert set(profiles.profile("2017").request_returns) == {
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "9",
        "100",
    }
    assert profiles.profile("2025").marks["Td"].confidence == "U"
    assert "B" not in profiles.profile("2005").marks


def test_unknown_editions_are_refused() -> None:
    with pytest.raises(ValueError, match="2030"):
        profiles.profile("2030")


def test_codes_have_two_languages_and_a_kind() -> None:
    for code in codes.CODES.values():
        assert code.kind in ("deviation", "refusal", "switchable", "feature")
        assert re.search("[一-鿿]", code.name_zh)
        assert code.name_en.isascii()
        assert code.source
    assert codes.explain("check_wrong") == "校验码错误"
    assert codes.explain("check_wrong", "en") == "the check is wrong"
    assert codes.explain("other") == "other"
