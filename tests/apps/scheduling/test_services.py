from __future__ import annotations

from datetime import timedelta

import pytest

from qingjian.apps.scheduling import jobs, services
from qingjian.apps.scheduling.models import Run


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
