from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.apps.evaluation.conftest import HOUR, Data
from tests.apps.evaluation.test_air import data_person

from qingjian.apps.evaluation import queries, services
from qingjian.apps.evaluation.models import Exceedance, TrendWarning
from qingjian.apps.network.models import Point
from qingjian.apps.observing import services as observing
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Alert
from qingjian.apps.rulekeeping import queries as rulekeeping
from qingjian.apps.rulekeeping import services as rules
from qingjian.contracts.clock import CHINA

NOW_HOUR = datetime(2026, 11, 21, 9, tzinfo=CHINA)
"""The newest hour that has ended: it is 10:00. The permit allows 100 mg/L in an hour."""


def findings() -> list:
    found = [finding for _position, finding in stores.findings().read(0, 1000)]
    return [one for one in found if one.rule == "trend-towards-limit"]


def ramp(first: float, step: float, count: int = 12) -> list[float]:
    return [first + step * place for place in range(count)]


def put(data: Data, values: list[float], flag: str = "N") -> None:
    data.put("W1.w01018", NOW_HOUR - (len(values) - 1) * HOUR, values, flag)


def test_a_rise_towards_the_limit_warns_before_it_is_passed(data: Data, place, client) -> None:
    put(data, ramp(55, 3, 14))
    services.catch_up("outlets", 60)
    warning = TrendWarning.objects.get()
    assert (warning.outcome, warning.averaging, warning.limit.upper) == ("running", "hour", 100)
    assert warning.expected_at > NOW_HOUR
    assert not Exceedance.objects.exists()
    (finding,) = findings()
    assert (finding.severity, finding.end, finding.id) == ("minor", None, warning.finding)
    observing.consume_findings()
    alert = Alert.objects.get(rule="trend-towards-limit")
    client.force_login(data_person(data))
    page = client.get("/outlets/trends/").content.decode()
    assert f"/alerts/{alert.pk}/" in page
    assert f"/outlets/trends/{warning.pk}/why/" in page
    assert "斜率" in client.get(f"/outlets/trends/{warning.pk}/why/").content.decode()
    assert client.get("/outlets/trends/?export=xlsx&outcome=running").content[:2] == b"PK"


def test_the_warning_ends_as_right_when_the_limit_is_passed(data: Data, clock) -> None:
    put(data, ramp(55, 3, 14))
    services.catch_up("outlets", 60)
    clock.advance(3600)
    data.put("W1.w01018", NOW_HOUR + HOUR, [130.0])
    services.follow("outlets")
    warning = TrendWarning.objects.get()
    assert (warning.outcome, warning.end) == ("reached", NOW_HOUR + 2 * HOUR)
    assert [one.end for one in findings()] == [None, NOW_HOUR + 2 * HOUR]
    assert Exceedance.objects.filter(marked=False).count() == 1
    assert queries.warning_record(TrendWarning.objects.all())["reached"] == 1


def test_it_ends_as_false_when_the_value_falls_back_and_is_not_repeated(data: Data, clock) -> None:
    put(data, ramp(55, 3, 14))
    services.catch_up("outlets", 60)
    clock.advance(3 * 3600)
    data.put("W1.w01018", NOW_HOUR + HOUR, [70.0, 60.0, 50.0])
    services.follow("outlets")
    services.follow("outlets")
    assert [one.outcome for one in TrendWarning.objects.all()] == ["passed"]
    assert len(findings()) == 2


@pytest.mark.parametrize("values", [[90.0] * 14, ramp(20, 3, 14), [90, 60] * 7, ramp(99, -1, 14)])
def test_high_steep_or_noisy_alone_warns_nobody(data: Data, values: list[float]) -> None:
    put(data, values)
    services.catch_up("outlets", 60)
    assert not TrendWarning.objects.exists()
    assert findings() == []


def test_marked_hours_do_not_count_and_a_later_mark_withdraws_the_warning(data: Data, place) -> None:
    put(data, ramp(55, 3, 14))
    services.catch_up("outlets", 60)
    observing.set_mark(
        data_person(data),
        Point.objects.get(code="W1"),
        ["W1.w01018"],
        NOW_HOUR - 6 * HOUR,
        NOW_HOUR + HOUR,
        "calibration",
        "标液核查",
    )
    services.follow("outlets")
    assert TrendWarning.objects.get().outcome == "withdrawn"
    assert findings()[-1].severity == "information"


def test_old_rises_of_the_back_history_ask_nobody(data: Data) -> None:
    data.put("W1.w01018", NOW_HOUR - timedelta(hours=40), [*ramp(55, 3, 14), 60, 60])
    services.catch_up("outlets", 60)
    assert [one.outcome for one in TrendWarning.objects.all()] == ["passed"]
    observing.consume_findings()
    assert not Alert.objects.filter(rule="trend-towards-limit").exists()


def test_daily_means_are_judged_by_the_day(data: Data) -> None:
    # The permit allows 50 mg/L as a daily mean.
    for back, value in enumerate((47, 45, 42, 40, 37, 35, 32, 30)):
        start = datetime(2026, 11, 20, tzinfo=CHINA) - timedelta(days=back)
        data.put("W1.w01018", start, [value] * 24)
        data.put("W1.w00000", start, [10.0] * 24)
    services.catch_up("outlets", 60)
    warning = TrendWarning.objects.get()
    assert (warning.averaging, warning.outcome, warning.share) == ("day", "running", 94.0)


def test_the_settings_are_rows_of_the_rulebook(data: Data, place) -> None:
    put(data, ramp(55, 3, 14))
    maker, checker = (
        place.person("m", "data_manager", region=place.city),
        place.person("c", "data_manager", region=place.city),
    )
    row = next(
        row
        for row in rulekeeping.limits("evaluation_parameters")
        if (row["subject"], row["item"]) == ("trend_warning_hour", "share of the limit")
    )
    values = {**row.values, "value": "97", "effective_from": "2026-01-01", "source": "局内规定"}
    text = rules.as_csv("evaluation_parameters", [values])
    change = rules.propose(maker, "evaluation_parameters", text, "少报警")
    rules.approve(checker, change, 0, "局内规定 2026-1")
    services.catch_up("outlets", 60)
    assert not TrendWarning.objects.exists()
