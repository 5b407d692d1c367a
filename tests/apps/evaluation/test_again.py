from __future__ import annotations

from datetime import date, datetime

import pytest
from tests.apps.evaluation.conftest import HOUR, Data
from tests.apps.evaluation.test_water import put as put_water

from qingjian.apps.evaluation import again, services
from qingjian.apps.evaluation.models import Evaluation, Exceedance, RuleChange
from qingjian.apps.network import services as network
from qingjian.apps.network.services import Proposal
from qingjian.apps.rulekeeping import queries as rulekeeping
from qingjian.apps.rulekeeping import services as rules
from qingjian.apps.rulekeeping.models import RuleProposal
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)


@pytest.fixture
def maker(place):
    return place.person("maker", "data_manager", region=place.city)


@pytest.fixture
def checker(place):
    return place.person("checker", "data_manager", region=place.city)


def stricter(author, item: str, cls: str, limit: str, **changes: str) -> RuleProposal:
    """Propose another limit of surface water in the place of the packaged row."""
    row = next(
        row
        for row in rulekeeping.limits("surface_water_limits", on=date(2026, 11, 1))
        if (row.values["symbol"], row["class"]) == (item, cls)
    )
    values = {**row.values, "limit": limit, "source": "地方标准", **changes}
    return rules.propose(
        author, "surface_water_limits", rules.as_csv("surface_water_limits", [values]), "地方标准"
    )


def day_rows() -> list[Evaluation]:
    return list(Evaluation.objects.filter(kind="water_station_day", start=START).order_by("revision"))


def test_a_limit_with_past_effect_is_looked_ahead_applied_and_listed(
    data: Data, maker, checker, client, clock
) -> None:
    put_water(data, 5.5, hours=24)
    services.run(60)
    (first,) = day_rows()
    assert first.water_class == "Ⅲ"
    proposal = stricter(maker, "DO", "Ⅲ", "6")
    (outlook,) = again.look_ahead(rulekeeping.rulebook(), rulekeeping.proposed(proposal), maker)
    assert outlook.count == len(outlook.changed) > 0
    assert "Ⅳ" in outlook.changed[0].after
    assert Evaluation.objects.filter(superseded_at=None).count() == Evaluation.objects.count()
    client.force_login(maker)
    page = client.get(f"/limits/changes/{proposal.pk}/ahead/").content.decode()
    assert f"/evaluations/{first.pk}/why/" in page
    rules.approve(checker, proposal, 0, "DB99/T 2-2026")
    assert client.get(f"/limits/changes/{proposal.pk}/").status_code == 200
    clock.advance(60)
    services.run(60)
    before, after = day_rows()
    change = RuleChange.objects.first()
    assert (before.water_class, after.water_class, after.rule_change) == ("Ⅲ", "Ⅳ", change)
    assert before.superseded_at is not None
    assert (
        f"/evaluations/rules/{change.pk}/" in client.get(f"/limits/changes/{proposal.pk}/").content.decode()
    )


def test_looking_ahead_tells_nobody_of_points_out_of_reach(data: Data, place, maker, client) -> None:
    put_water(data, 5.5, hours=24)
    services.run(60)
    proposal = stricter(maker, "DO", "Ⅲ", "6")
    books = rulekeeping.rulebook(), rulekeeping.proposed(proposal)
    neighbour = place.person("neighbour", "data_manager", region=place.other)
    assert [(one.examined, one.count, one.changed) for one in again.look_ahead(*books, neighbour)] == [
        (0, 0, [])
    ]
    address = f"/limits/changes/{proposal.pk}/"
    client.force_login(place.person("rival", "permit_holder", organisation=place.holder))
    assert client.get(f"{address}ahead/").status_code == 403
    assert "ahead" not in client.get(address).content.decode()
    client.force_login(neighbour)
    page = client.get(f"{address}ahead/").content.decode()
    assert "大桥断面" not in page


def test_a_limit_of_the_future_changes_nothing_stored(data: Data, maker, checker, clock) -> None:
    put_water(data, 5.5, hours=24)
    services.run(60)
    proposal = stricter(maker, "DO", "Ⅲ", "6", effective_from="2027-01-01")
    assert again.look_ahead(rulekeeping.rulebook(), rulekeeping.proposed(proposal), maker) == []
    rules.approve(checker, proposal, 0, "DB99/T 2-2026")
    clock.advance(60)
    services.run(60)
    assert [row.water_class for row in day_rows()] == ["Ⅲ"]


def test_what_no_longer_exceeds_under_a_wider_limit_is_taken_back(data: Data) -> None:
    data.put("W1.w01018", START, [40, 120, 40])
    services.catch_up("outlets", 60)
    services.notice_registry()
    limit = {"outlet": "S1-W1", "factor": "waste_water.w01018", "unit": "mg/L", "basis": "排污许可证"}
    network.install(
        [Proposal("limit", {**limit, "valid_from": "2024-01-01", "averaging": "hour", "upper": "150"})]
    )
    services.follow_changes(60)
    assert not Exceedance.objects.exists()
    rows = Evaluation.objects.filter(kind="outlet_hour", start=START + HOUR).order_by("revision")
    assert [row.exceeds for row in rows] == [True, False]


def test_a_change_of_the_register_is_read_by_people(data: Data, place, client) -> None:
    """No code of a field, no moment of another time zone: a limit from 2024 on does not begin in 2023."""
    data.put("W1.w01018", START, [40, 120, 40])
    services.catch_up("outlets", 60)
    services.notice_registry()
    limit = {"outlet": "S1-W1", "factor": "waste_water.w01018", "unit": "mg/L", "basis": "排污许可证"}
    network.install(
        [Proposal("limit", {**limit, "valid_from": "2024-01-01", "averaging": "month", "upper": "45"})]
    )
    services.follow_changes(60)
    client.force_login(place.person("reader", "station_staff"))
    change = RuleChange.objects.get(source="registry")
    text = client.get(f"/evaluations/rules/{change.pk}/").content.decode()
    assert "S1-W1 · waste_water.w01018 · 月 · 2024-01-01" in text
    assert "→ 2024-01-01<" in text
    assert "→ 否<" in text
    assert "2023-12-31" not in text
    assert "False" not in text
