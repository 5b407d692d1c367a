"""Samples of outlets: what no device measures is judged from the results of laboratories, and nothing is silently left."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO

import openpyxl
import pytest
from django.test import Client
from tests.apps.conftest import County
from tests.apps.evaluation.conftest import Data, _factor, enter

from qingjian.apps.evaluation import outlet_samples, services
from qingjian.apps.evaluation.models import Evaluation, Exceedance
from qingjian.apps.network import services as network
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.models import Alert
from qingjian.apps.rulekeeping import services as rules
from qingjian.contracts.clock import CHINA
from qingjian.standards import catalogue

DAY = "2026-11-18"
ITEMS = {one.name_zh: one for one in catalogue.items("outlets") if one.medium == "waste_water"}
GAS = {one.name_zh: one for one in catalogue.items("outlets") if one.medium == "flue_gas"}


def assign(place: County, standard: str, outlet: str, category: str = "") -> None:
    row = {
        "standard": standard,
        "outlet": outlet,
        "class": category,
        "effective_from": "2020-01-01",
        "source": "环评批复〔2020〕1号",
        "confidence": "S",
    }
    maker, checker = (place.person(f"{name}{standard}", "data_manager", region=place.city) for name in "mc")
    change = rules.propose(maker, "outlet_standards", rules.as_csv("outlet_standards", [row]), "适用标准")
    rules.approve(checker, change, 0, "环评批复〔2020〕1号 第2页")


def register(point: str, *items: catalogue.CatalogueItem) -> None:
    rows = []
    for one in items:
        factor = _factor(one.medium, one.code, one.unit)
        factor.fields["name_zh"] = one.name_zh
        rows += [
            factor,
            Proposal(
                "series",
                {
                    "code": f"{point}.{one.code}",
                    "point": point,
                    "factor": f"{one.medium}.{one.code}",
                    "unit": one.unit,
                    "decimals": 4,
                    "medium": one.medium,
                    "origin": "laboratory",
                    "expected": {},
                },
            ),
        ]
    network.install(rows)
    network.publish_directory()


def stack() -> None:
    network.install(
        [
            Proposal("outlet", {"code": "S1-G1", "source": "S1", "name": "焚烧炉排口", "medium": "gas"}),
            Proposal(
                "point",
                {
                    "code": "G1",
                    "name": "焚烧炉排口",
                    "kind": "outlet_gas",
                    "level": "enterprise",
                    "region": "990101",
                    "organisation": "H1",
                    "outlet": "S1-G1",
                },
            ),
        ]
    )


@pytest.mark.parametrize(
    ("name", "value", "limit", "multiple"),
    [
        ("动植物油", "15", "≤10", 0.5),
        ("总锰", "5", "≤2", 1.5),
        ("磷酸盐", "0.75", "≤0.5", 0.5),
        ("硝基苯类", "3", "≤2", 0.5),
        ("苯并(a)芘", "0.00006", "≤3e-05", 1.0),
        ("色度", "75", "≤50", 0.5),
    ],
)
def test_what_only_laboratories_measure_is_judged(
    data: Data, place: County, name: str, value: str, limit: str, multiple: float
) -> None:
    assign(place, "GB 8978", "S1-W1", "一级")
    register("W1", ITEMS[name])
    enter({f"W1.{ITEMS[name].code}": value}, DAY)
    services.catch_up("outlets", 60)
    row = Evaluation.objects.get(kind="outlet_sample")
    assert (row.start, row.exceeds) == (datetime(2026, 11, 18, tzinfo=CHINA), True)
    (item,) = row.result["items"]
    assert (item["bounds"], item["multiple"]) == (limit, multiple)
    assert "GB 8978" in str(row.trace)
    run = Exceedance.objects.get(averaging="sample")
    assert (run.periods, run.running, run.multiple) == (1, False, multiple)
    observing.consume_findings()
    assert Alert.objects.get(rule="exceedance-sample").point.code == "W1"


def test_a_sample_within_its_limits_and_one_below_detection(data: Data, place: County) -> None:
    assign(place, "GB 8978", "S1-W1", "一级")
    register("W1", ITEMS["动植物油"], ITEMS["烷基汞"])
    enter({f"W1.{ITEMS['动植物油'].code}": "4", f"W1.{ITEMS['烷基汞'].code}": "0.00002L"}, DAY)
    services.catch_up("outlets", 60)
    row = Evaluation.objects.get(kind="outlet_sample")
    assert (row.exceeds, len(row.result["items"])) == (False, 2)
    assert not Exceedance.objects.exists()


def test_alkyl_mercury_that_was_found_exceeds(data: Data, place: County) -> None:
    assign(place, "GB 8978", "S1-W1", "一级")
    register("W1", ITEMS["烷基汞"])
    enter({f"W1.{ITEMS['烷基汞'].code}": "0.00002"}, DAY)
    services.catch_up("outlets", 60)
    assert Evaluation.objects.get(kind="outlet_sample").exceeds is True


def test_dioxins_metals_and_odour_of_a_stack(data: Data, place: County) -> None:
    stack()
    assign(place, "GB 18485", "S1-G1")
    assign(place, "GB 14554", "S1-G1")
    wanted = [
        GAS[name] for name in ("二噁英类", "镉、铊及其化合物", "锑砷铅铬钴铜锰镍及其化合物", "臭气浓度")
    ]
    register("G1", *wanted)
    enter({f"G1.{one.code}": "30" if one.name_zh == "臭气浓度" else "0.2" for one in wanted}, DAY)
    services.catch_up("outlets", 60)
    row = Evaluation.objects.get(kind="outlet_sample")
    assert {item["factor"]: item["exceeds"] for item in row.result["items"]} == {
        wanted[0].code: True,
        wanted[1].code: True,
        wanted[2].code: False,
        wanted[3].code: True,
    }


def test_a_limit_for_every_class_holds_for_an_outlet_of_one(data: Data, place: County) -> None:
    """Table 1 of GB 8978 has no classes: an outlet assigned 一级 was held against none of it."""
    from datetime import date

    from qingjian.apps.evaluation.bounds import of_standards
    from qingjian.apps.network.models import Series
    from qingjian.apps.rulekeeping.queries import rulebook

    assign(place, "GB 8978", "S1-W1", "一级")
    register("W1", ITEMS["总汞"])
    series = Series.objects.get(code=f"W1.{ITEMS['总汞'].code}")
    (bound,) = of_standards(rulebook(), "S1-W1", "water", series, "day", date(2026, 11, 18))
    assert bound.upper == 0.05


def test_a_sample_taken_back_takes_its_exceedance_back(data: Data, place: County, clock) -> None:
    assign(place, "GB 8978", "S1-W1", "一级")
    register("W1", ITEMS["动植物油"])
    enter({f"W1.{ITEMS['动植物油'].code}": "15"}, DAY)
    services.catch_up("outlets", 60)
    clock.advance(60)
    enter({f"W1.{ITEMS['动植物油'].code}": "5"}, DAY)
    services.follow("outlets")
    assert not Exceedance.objects.exists()
    assert Evaluation.objects.filter(kind="outlet_sample").count() == 2


def test_the_page_says_what_judges_each_limit(data: Data, place: County, client: Client) -> None:
    assign(place, "GB 8978", "S1-W1", "一级")
    register("W1", ITEMS["动植物油"])
    client.force_login(place.person("zz", "station_staff"))
    sheet = openpyxl.load_workbook(BytesIO(client.get("/outlets/limits/?export=xlsx").content)).active
    heads, *lines = [list(row) for row in sheet.iter_rows(values_only=True)]
    place = next(i for i, name in enumerate(heads) if name in ("Judged from", "判定数据来源"))
    judged = {(line[1], line[3]): line[place] for line in lines}
    page = client.get("/outlets/limits/").content.decode()
    by_name = {name.split("(")[0]: how for (name, _limit), how in judged.items()}
    assert by_name["动植物油"] in ("samples of laboratories", "实验室样品")
    assert by_name["甲醛"].startswith(("nothing", "未评价"))
    assert by_name["化学需氧量"] in ("device", "监测设备")  # and not among those without a device
    assert "动植物油" in page
    row = client.get("/outlets/")
    assert row.status_code == 200


def test_every_item_of_the_emission_standards_can_be_entered(
    data: Data, place: County, client: Client
) -> None:
    client.force_login(place.person("ee", "data_manager", region=place.city))
    for kind in ("factor", "series"):
        answer = client.get(f"/measurements/import/registry/outlets/?kind={kind}")
        assert answer.status_code == 200, kind
    assert client.get("/measurements/import/template/outlets/").status_code == 200
    assert {"动植物油", "磷酸盐", "硝基苯类", "总锰", "色度", "苯并(a)芘", "甲醛"} <= set(ITEMS)
    assert (ITEMS["色度"].code, ITEMS["烷基汞"].code, ITEMS["总锰"].code) == ("w01002", "w20113", "w20124")
    assert {"二噁英类", "臭气浓度", "镉、铊及其化合物"} <= set(GAS)


def test_every_assigned_limit_is_judged_or_named(data: Data, place: County) -> None:
    """Whatever an outlet is held against is on the page: judged from a device, from samples, or not, with the reason."""
    from datetime import date

    from qingjian.apps.evaluation.bounds import applicable
    from qingjian.apps.evaluation.outlets import AVERAGINGS, outlets
    from qingjian.apps.rulekeeping.queries import rulebook

    assign(place, "GB 8978", "S1-W1", "一级")
    book, day = rulebook(), date(2026, 11, 18)
    outlet = next(one for one in outlets(book) if one.point.code == "W1")
    listed = {one.limit.row.id for one in outlet_samples.beside_devices(outlet, day, book)}
    for averaging in AVERAGINGS:
        for _series, _converted, bounds in outlet.held(day, averaging, book):
            listed |= {one.rule for one in bounds if one.rule}
    assert {one.row.id for one in applicable(book, "S1-W1", day)} <= listed
