from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy

from qingjian.apps.scheduling import jobs, services
from qingjian.apps.scheduling.models import Run
from qingjian.apps.scheduling.said import joined, sentence


@pytest.fixture
def job(db, monkeypatch):
    runs: list = []
    made = jobs.Job(
        "test-job", "试验", timedelta(hours=1), lambda period: runs.append(period) or "ok", catch_up=3
    )
    monkeypatch.setattr(jobs, "_jobs", {made.name: made})
    return runs


def test_a_job_runs_once_per_period_and_missed_periods_are_caught_up(job, clock) -> None:
    assert services.run_due() == 3
    assert services.run_due() == 0
    clock.advance(3600)
    assert services.run_due() == 1
    assert len(set(job)) == 4


def test_a_failed_run_is_tried_again_and_then_left(db, monkeypatch) -> None:
    def fail(period):
        raise RuntimeError("no")

    monkeypatch.setattr(jobs, "_jobs", {"bad": jobs.Job("bad", "坏", timedelta(hours=1), fail)})
    assert [services.run_due() for _round in range(5)] == [1, 1, 1, 0, 0]
    run = Run.objects.get()
    assert (run.state, run.attempts) == ("failed", services.ATTEMPTS)
    assert "RuntimeError: no" in run.result


def test_a_run_whose_process_died_is_taken_over(job, clock) -> None:
    services.run_due()
    Run.objects.update(state="running")
    assert services.run_due() == 0
    clock.advance(1801)
    assert services.run_due() >= 1


def test_the_schedule_page_shows_runs(job, client, county) -> None:
    services.run_due()
    client.force_login(county.person("system", "system_administrator"))
    page = client.get("/schedule/").content.decode()
    assert "test-job" in page


def test_a_job_name_is_used_once() -> None:
    one = jobs.Job("alerting-prove", "x", timedelta(hours=1), lambda period: "")
    with pytest.raises(ValueError, match="twice"):
        jobs.register(one)


def test_a_process_told_to_stop_begins_nothing_new(job) -> None:
    answers = iter([False, True])
    assert services.run_due(lambda: next(answers)) == 1


def test_the_page_names_jobs_and_their_periods_in_words(client, county, monkeypatch) -> None:
    rows = [
        jobs.Job("one", "每日一次", timedelta(days=1), lambda period: "x"),
        jobs.Job("two", "每五分钟", timedelta(minutes=5), lambda period: "y"),
    ]
    monkeypatch.setattr(jobs, "_jobs", {row.name: row for row in rows})
    services.run_due()
    client.force_login(county.person("staff", "station_staff"))
    page = client.get("/schedule/").content.decode()
    assert "1 天" in page
    assert "5 分钟" in page
    assert "0:05:00" not in page
    assert page.count("每五分钟") >= 2


def test_a_result_is_shown_in_the_language_of_its_reader(db, monkeypatch, clock, client, county) -> None:
    def act(period):
        return joined(
            [
                sentence("%(title)s: %(count)d", title=gettext_lazy("Air"), count=3),
                sentence("%(count)d sent", count=2),
                "PM2.5 50 %",
            ]
        )

    made = jobs.Job("test-said", "试验", timedelta(hours=1), act)
    monkeypatch.setattr(jobs, "_jobs", {made.name: made})
    with translation.override("zh-hans"):
        services.run_due()
    run = Run.objects.get()
    with translation.override("en"):
        assert run.shown == "Air: 3, 2 sent, PM2.5 50 %"
    with translation.override("zh-hans"):
        assert run.shown == run.result
        assert "sent" not in run.shown
    person = county.person("system", "system_administrator")
    client.force_login(person)
    assert run.result in client.get("/schedule/").content.decode()


def test_of_an_error_the_last_line_is_shown_and_a_lost_message_keeps_its_text(db) -> None:
    assert Run(result="Traceback\n  line\nRuntimeError: no").shown == "RuntimeError: no"
    assert Run(result="").shown == ""
    stored = {"joiner": ", ", "parts": [["no such message %(count)d", {"count": 1}]]}
    assert Run(result="x", said=stored).shown == "no such message 1"


def test_what_a_job_says_is_a_text_like_any_other() -> None:
    with translation.override("en"):
        one = sentence("%(count)d sent", count=2)
        assert one == "2 sent"
        assert joined([one, "more"], "; ") == "2 sent; more"
