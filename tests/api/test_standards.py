"""The rulebook over the wire is the one the office has: its own rows, its confirmations, the day asked about."""

from __future__ import annotations

from datetime import date

import pytest
from tests.api.conftest import Program, everything
from tests.apps.conftest import County

from qingjian.apps.accounts.rules import today
from qingjian.apps.rulekeeping import queries
from qingjian.apps.rulekeeping import services as rulekeeping
from qingjian.rulebook import packaged

LIMITS = "/api/v1/standards"


@pytest.fixture
def client(county: County, program: Program):
    return program(county.person("staff", "station_staff"))


@pytest.mark.parametrize(
    "on", [None, date(2015, 6, 1), date(2026, 2, 28), date(2026, 3, 1), date(2031, 1, 1)]
)
def test_page_by_page_it_is_what_the_page_of_limits_shows(client, on: date | None) -> None:
    asked = {"on": on.isoformat()} if on else {}
    shown = everything(client, LIMITS, limit=500, **asked)
    expected = {
        row.id: row for table in queries.LIMIT_TABLES for row in queries.limits(table, on=on or today())
    }
    assert [one["id"] for one in shown] == sorted(expected)
    for one in shown:
        row = expected[one["id"]]
        assert one["values"] == dict(row.values)
        assert (one["clause"], one["source"], one["confidence"]) == (
            row.clause,
            row.source,
            row.confidence.value,
        )
        assert (one["effective_from"] or "") <= (on or today()).isoformat()


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_of_any_size_hold_every_row_once(client, limit: int) -> None:
    asked = {"table": "ambient_air_limits", "every_edition": "true"}
    rows = everything(client, LIMITS, limit=limit, **asked)
    assert [one["id"] for one in rows] == sorted(row.id for row in queries.limits("ambient_air_limits"))


def test_a_limit_says_all_that_is_needed_to_use_it(client) -> None:
    [row] = everything(
        client, LIMITS, standard="GB 3095-2012", symbol="PM2.5", on="2017-06-01", table="ambient_air_limits",
        **{"class": "二级", "q": "日平均"},
    )  # fmt: skip
    assert (row["limit"], row["op"], row["unit"], row["averaging_period"]) == ("75", "<=", "μg/m³", "日平均")
    assert row["document"] == "GB 3095-2012"
    assert row["clause"]
    assert row["origin"] == "packaged"


def test_one_standard_by_number_or_as_cited(client) -> None:
    by_number = everything(client, f"{LIMITS}/GB 3095", every_edition="true", limit=500)
    cited = everything(client, f"{LIMITS}/GB 3095-2012", every_edition="true", limit=500)
    assert {one["standard"] for one in by_number} == {"GB 3095"}
    assert {one["document"] for one in cited} == {"GB 3095-2012"}
    assert len(by_number) > len(cited) > 0


def test_a_standard_with_a_slash_in_its_number_is_found(client) -> None:
    assert everything(client, f"{LIMITS}/GB/T 14848", limit=500)


def test_a_row_is_found_by_the_id_that_traces_name(client) -> None:
    row = packaged().rows("ambient_air_limits")[0]
    body = client.get(f"/api/v1/rules/{row.id}").json()
    assert body["row"]["values"] == dict(row.values)
    assert body["rulebook"] == queries.rulebook().version


def test_what_the_office_confirmed_is_said(client, county: County) -> None:
    row = queries.rulebook().rows_to_confirm()[0]
    person = county.person("manager", "data_manager", region=county.city)
    rulekeeping.confirm(person, row.id, row.digest, "GB 0000-2026 full text")
    confirmed = client.get(f"/api/v1/rules/{row.id}").json()["row"]["confirmed"]
    assert (confirmed["by"], confirmed["document"]) == ("manager", "GB 0000-2026 full text")


def test_nobody_without_the_registry_reads_rules(county: County, program: Program) -> None:
    client = program(county.person("shenji", "audit_administrator"))
    assert client.get(LIMITS).status_code == 403
