"""Marks on their way to the pipeline, and checks that doubt values on pages."""

from __future__ import annotations

from datetime import timedelta

from django.utils import translation
from tests.apps.conftest import NOW
from tests.apps.observing.test_statuses import mark, only, ten_minutes

from qingjian.apps.network import services as network
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import services, stores
from qingjian.apps.observing.values import page_values
from qingjian.quality.facts import FactKind

HOUR = timedelta(hours=1)
START = NOW - timedelta(hours=6)


def upper(value: str) -> None:
    network.install(
        [
            Proposal(
                "setting",
                {
                    "series": "A1.a21026",
                    "name": "range_upper",
                    "value": value,
                    "unit": "",
                    "valid_from": "2024-01-01",
                },
            )
        ]
    )
    network.publish_directory()


def test_a_mark_is_handed_to_the_pipeline_once(fine, registry, django_capture_on_commit_callbacks) -> None:
    staff = registry.person("staff", "station_staff")
    with django_capture_on_commit_callbacks(execute=True):
        first = mark(staff, START, START + HOUR, "invalid")
    ((number, fact),) = stores.facts().read()
    assert (number, fact.kind, fact.series, fact.value) == (1, FactKind.MARK, ("A1.a21026",), "D")
    assert (fact.start, fact.end, fact.known_at) == (START, START + HOUR, first.known_at)
    assert services.tell_pipeline_of_marks() == 0


def test_the_worker_hands_over_what_a_dying_process_left(fine, registry, clock) -> None:
    staff = registry.person("staff", "station_staff")
    first = mark(staff, START, START + HOUR, "invalid")
    clock.advance(60)
    mark(staff, START, START + HOUR, "invalid", supersedes=first, withdrawn=True)
    assert services.tell_pipeline_of_marks() == 2
    facts = [fact for _, fact in stores.facts().read()]
    assert [fact.kind for fact in facts] == [FactKind.MARK, FactKind.WITHDRAWAL]
    assert facts[1].supersedes == facts[0].id
    assert services.tell_pipeline_of_marks() == 0


def test_a_value_out_of_range_needs_a_look_and_does_not_count(fine, put, registry) -> None:
    staff = registry.person("staff", "station_staff")
    put(fine, "minute", ten_minutes(START, [10, 10, 10, 10, 10, 900]))
    assert only(page_values(staff, [fine], "hour", START, START + HOUR))["value"] > 100
    upper("500")
    rows = list(page_values(staff, [fine], "minute", START, START + HOUR).rows(range(6)))
    assert [row["word"] for row in rows] == ["ok"] * 5 + ["look"]
    assert "自动检查存疑" in rows[5]["reason"]
    assert "超出量程 (900 / 500)" in rows[5]["reason"]
    with translation.override("en"):
        english = list(page_values(staff, [fine], "minute", START, START + HOUR).rows([5]))
    assert "out of range (900 / 500)" in english[0]["reason"]
    row = only(page_values(staff, [fine], "hour", START, START + HOUR))
    assert (row["value"], row["count"]) == (10.0, 5)


def test_what_was_shown_before_the_range_was_known_stays(fine, put, registry, clock) -> None:
    staff = registry.person("staff", "station_staff")
    put(fine, "minute", ten_minutes(START, [10, 10, 10, 10, 10, 900]))
    then = clock.now()
    shown = only(page_values(staff, [fine], "hour", START, START + HOUR))
    clock.advance(600)
    upper("500")
    again = only(page_values(staff, [fine], "hour", START, START + HOUR, then + timedelta(seconds=1)))
    assert (again["value"], again["count"]) == (shown["value"], shown["count"])


def test_a_person_who_has_looked_outranks_the_device_not_the_check(fine, put, registry) -> None:
    """A mark `valid` says the device's own mark is wrong; a value beyond the instrument stays doubtful."""
    staff = registry.person("staff", "station_staff")
    put(fine, "minute", ten_minutes(START, [900]))
    upper("500")
    mark(staff, START, START + HOUR, "valid")
    (row,) = page_values(staff, [fine], "minute", START, START + HOUR).rows([0])
    assert row["word"] == "look"
