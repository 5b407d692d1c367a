from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from qingjian.apps.rulekeeping import queries, services
from qingjian.rulebook import may_act_alone


@pytest.fixture
def row(db):
    return next(row for row in queries.rulebook().rows_to_confirm() if row.confidence.value == "U")


def test_a_confirmed_rule_may_act_alone(county, row) -> None:
    assert not may_act_alone([row])
    services.confirm(
        county.person("m", "data_manager", region=county.city), row.id, row.digest, "HJ 75-2017 第12页"
    )
    confirmed = queries.rulebook().row(row.id)
    assert confirmed.confirmation.document == "HJ 75-2017 第12页"
    assert may_act_alone([confirmed])


def test_confirmation_needs_the_right_the_document_and_the_content_seen(county, row) -> None:
    manager = county.person("m", "data_manager", region=county.city)
    with pytest.raises(PermissionDenied):
        services.confirm(county.person("s", "station_staff"), row.id, row.digest, "HJ 75-2017")
    for row_id, digest, document in (
        (row.id, row.digest, " "),
        (row.id, "other", "HJ 75-2017"),
        ("none", row.digest, "HJ 75-2017"),
    ):
        with pytest.raises(ValidationError):
            services.confirm(manager, row_id, digest, document)


def test_the_page_filters_and_confirms(client, county, row) -> None:
    client.force_login(county.person("m", "data_manager", region=county.city))
    assert client.get("/rules/?confidence=U&q=HJ").status_code == 200
    client.post("/rules/confirm/", {"row": row.id, "digest": row.digest, "document": "原文 第3页"})
    assert "原文 第3页" in client.get("/rules/?state=confirmed").content.decode()
    assert client.get("/rules/?state=all&export=xlsx").content[:2] == b"PK"
