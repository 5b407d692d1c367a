from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal

import openpyxl
import pytest
from tests.apps.conftest import LayOut
from tests.apps.evaluation.conftest import Data

from qingjian.apps.evaluation import outlet_figure_views, outlet_statistics, services
from qingjian.apps.evaluation.models import Evaluation, Exceedance
from qingjian.apps.network.models import PermitLimit, Series, Source
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 20)
START = datetime(2026, 11, 20, tzinfo=CHINA)


@pytest.fixture
def staff(place):
    return place.person("zhiban", "station_staff")


@pytest.fixture
def filled(data: Data, lay_out: LayOut) -> Data:
    lay_out("outlet-pages", lambda: _fill(data))
    return data


def _fill(data: Data) -> None:
    Source.objects.filter(code="S1").update(industry="2614 有机化学原料制造")
    data.put("W1.w01018", START, [40] * 5 + [120, 150, 130] + [40] * 16)
    data.put("W1.w00000", START, [10.0] * 24)
    services.catch_up("outlets", 60)


def test_groups_count_what_was_judged_what_exceeded_and_what_was_discharged(filled, staff) -> None:
    for by, name in (("industry", "2614 有机化学原料制造"), ("region", "甲县")):
        (group,) = outlet_statistics.of_period(staff, FIRST, LAST, by)
        assert name in group.name
        assert (group.outlets, len(group.sources)) == (1, 1)
        assert (group.hours["judged"], group.hours["exceeding"]) == (24, 3)
        assert (group.days["judged"], group.days["exceeding"]) == (1, 1)
        assert (group.runs, group.worst) == (2, 0.5)
        assert group.exceeding_percent == round(100 * 4 / 25, 2)
    # 10 L/s = 36 m³/h; Σ of the concentrations is 1240 mg/L.
    assert group.kilograms["w01018"] == pytest.approx(1240 * 36 / 1000)


def test_the_extract_gives_equivalents_with_their_basis(filled, staff) -> None:
    lines, rechecks = outlet_statistics.tax_extract(staff, FIRST, LAST, rulebook())
    (line,) = lines
    assert line.kilograms == Decimal("44.64")
    assert (line.value, line.equivalents, line.rank, line.taxed) == (Decimal(1), Decimal("44.64"), 1, True)
    assert (line.hours, line.skipped, line.exceeding) == (24, 0, 4)
    assert (line.confidence, line.confirmed) == ("S", False)
    assert "环境保护税法" in line.basis
    assert list(rechecks) == [(date(2026, 11, 1), "W1")]


@pytest.mark.parametrize(("language", "words"), [("zh-hans", "没有"), ("en", "without an equivalent value")])
def test_a_measured_factor_without_a_value_is_listed(
    filled, staff, client, monkeypatch, language: str, words: str
) -> None:
    """It was dropped without a word before, and the first three were given as if it had not been measured."""
    book = rulebook()
    (row,) = book.rows("tax_equivalents", LAST, symbol="w01018")
    monkeypatch.setattr(outlet_figure_views, "rulebook", lambda: book.without_rows([row.id]))
    lines, rechecks = outlet_statistics.tax_extract(staff, FIRST, LAST, book.without_rows([row.id]))
    (line,) = lines
    assert (line.code, line.kilograms, line.value, line.taxed) == ("w01018", Decimal("44.64"), None, False)
    assert line.remark
    assert not rechecks[date(2026, 11, 1), "W1"].ranks_certain
    client.force_login(staff)
    client.cookies["django_language"] = language
    period = "from=2026-11-01&to=2026-11-20"
    page = client.get(f"/outlets/tax/?{period}").content.decode()
    assert "44.64" in page
    assert words in page
    told = openpyxl.load_workbook(io.BytesIO(client.get(f"/outlets/tax/?{period}&export=xlsx").content))
    assert line.code in [row[6] for row in told.active.iter_rows(min_row=2, values_only=True)]


def test_an_outlet_that_exceeded_before_is_not_called_within(filled, staff, client) -> None:
    """Not exceeding in this hour is no attainment."""
    client.force_login(staff)
    assert not Exceedance.objects.filter(running=True, averaging="hour").exists()
    Exceedance.objects.update(running=False)
    for language, words in (
        ("zh-hans", ("当前未超标", "30 天内超标 2 次")),
        ("en", ("not exceeding now", "2 exceedances")),
    ):
        client.cookies["django_language"] = language
        page = client.get("/outlets/").content.decode()
        for text in words:
            assert text in page, text
        assert ">达标<" not in page
        assert ">within<" not in page


def test_pages_and_exports(filled, staff, client) -> None:
    client.force_login(staff)
    period = "from=2026-11-01&to=2026-11-20"
    for language in ("zh-hans", "en"):
        client.cookies["django_language"] = language
        for path in (
            f"/outlets/statistics/?{period}",
            f"/outlets/statistics/?by=region&{period}",
            f"/outlets/tax/?{period}",
            f"/outlets/tax/why/?{period}&month=2026-11&point=W1",
            "/outlets/limits/",
            "/outlets/trends/",
        ):
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert " style=" not in answer.content.decode(), path
    page = client.get(f"/outlets/tax/?{period}").content.decode()
    assert "44.64" in page
    assert "secondary source" in page
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"/outlets/tax/?{period}&export=xlsx").content))
    heads, row = list(book.active.iter_rows(values_only=True))
    assert dict(zip(heads, row, strict=True))["Equivalents"] == 44.64
    book = openpyxl.load_workbook(
        io.BytesIO(client.get(f"/outlets/statistics/?{period}&export=xlsx").content)
    )
    heads, group, *_others = book.active.iter_rows(values_only=True)
    said = dict(zip(heads, group, strict=True))
    assert said["Confidence"] in ("V", "S", "U")
    assert said["Clause"].split("；") == ["排污许可证", "HJ 356-2019 7"]
    book = openpyxl.load_workbook(io.BytesIO(client.get("/outlets/amounts/?export=xlsx").content))
    heads, amount, *_others = book.active.iter_rows(values_only=True)
    told = dict(zip(heads, amount, strict=True))
    assert told["Confidence"] in ("V", "S", "U")
    assert told["Clause"].split("；") == ["排污许可证", "HJ 75-2017"]
    book = openpyxl.load_workbook(io.BytesIO(client.get("/outlets/?export=xlsx").content))
    heads, row, *_others = book.active.iter_rows(values_only=True)
    assert dict(zip(heads, row, strict=True))["Clause"].split("；") == ["排污许可证", "HJ 356-2019 7"]
    context = client.get("/outlets/tax/").context
    assert (context["first"], context["last"]) == (date(2026, 7, 1), date(2026, 9, 30))
    assert client.get("/outlets/tax/?from=2026-10-01").context["last"] == date(2026, 11, 21)
    for wrong in ("from=x", "from=2026-11-20&to=2026-11-01"):
        assert client.get(f"/outlets/tax/?{wrong}").status_code == 400
    assert client.get(f"/outlets/tax/why/?{period}&month=2026-10&point=W1").status_code == 404


def test_every_line_of_lists_and_statistics_answers_why(filled, staff, client) -> None:
    client.force_login(staff)
    page = client.get("/outlets/").content.decode()
    assert "/outlets/W1/why/" in page
    said = client.get("/outlets/W1/why/").content.decode()
    for word in (
        "超标 2 次，共 3 小时、1 天，最大超标倍数 0.50",
        "≤100 mg/L",
        "排污许可证",
        "Σ(C·Q) = 0.04464 t",
    ):
        assert word in said
    period = "from=2026-11-01&to=2026-11-20"
    page = client.get(f"/outlets/statistics/?by=region&{period}").content.decode()
    assert "/outlets/statistics/why/?by=region" in page
    said = client.get(f"/outlets/statistics/why/?by=region&{period}&group=990101").content.decode()
    for word in ("小时: 评价 24 个，超标 3 个", "HJ 356-2019 7", "依据: 排污许可证"):
        assert word in said
    assert client.get(f"/outlets/statistics/why/?by=region&{period}&group=nothing").status_code == 404
    assert client.get("/outlets/nobody/why/").status_code == 404


def test_an_amount_that_cannot_be_worked_out_says_why(filled, staff, client) -> None:
    client.force_login(staff)
    Series.objects.filter(code="W1.w00000").update(unit="t/h")
    Evaluation.objects.filter(kind="outlet_day").update(superseded_at=START)
    limit = PermitLimit.objects.exclude(yearly_amount_t=None).get()
    said = client.get(f"/outlets/amounts/why/?limit={limit.pk}").content.decode()
    assert "流量单位 t/h 不能换算" in said


def test_nobody_sees_another_county(filled, place, client) -> None:
    other = place.person("elsewhere", "data_manager", region=place.other)
    assert outlet_statistics.of_period(other, FIRST, LAST, "region") == []
    assert outlet_statistics.tax_extract(other, FIRST, LAST, rulebook())[0] == []
    client.force_login(other)
    assert client.get("/outlets/W1/why/").status_code == 404


def test_a_share_without_anything_judged_is_none_and_a_monthly_limit_stands_with_those_that_judge(
    data: Data, place, staff, client
) -> None:
    client.force_login(staff)
    client.cookies["django_language"] = "zh-hans"
    said = client.get("/outlets/statistics/why/?by=region&from=2026-11-01&to=2026-11-02&group=990101")
    assert "不计算超标比例" in said.content.decode()
    assert "None" not in said.content.decode()
    limit = PermitLimit.objects.get(averaging="day")
    limit.pk, limit.averaging, limit.upper = None, "month", 40
    limit.save()
    page = client.get("/outlets/limits/?on=2026-11-20").content.decode()
    row = page.split("≤40 mg/L")[0].rsplit("<tr", 1)[1]
    assert ">月</td>" in row
    assert "以下限值不参加判定" not in page
