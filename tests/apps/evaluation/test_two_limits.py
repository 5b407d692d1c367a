"""A value above two limits is two findings, each with its own severity, end and withdrawal."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import pytest
from django.apps import apps
from tests.apps.conftest import County
from tests.apps.evaluation.conftest import Data
from tests.apps.evaluation.test_reference_oxygen import DAY, assign, permit, put, register

from qingjian.apps.evaluation import services
from qingjian.apps.evaluation.models import Exceedance
from qingjian.apps.network.models import PermitLimit
from qingjian.apps.observing import services as observing
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Alert, FindingRecord
from qingjian.contracts.current import clock


@pytest.fixture
def both(data: Data, place: County) -> Data:
    """A chimney under GB 13223 (35 at 3 % oxygen) and a stricter permit that is not converted."""
    register()
    assign(place)
    permit("10", converted=False)
    return data


def judged(data: Data, value: float) -> None:
    put(data, [value])
    services.catch_up("outlets", 60)
    observing.consume_findings()


def standing() -> dict[str, tuple[str, bool]]:
    """Severity and whether it is withdrawn, by limit."""
    return {
        record.evidence["held_against"].split()[0]: (record.severity, bool(record.evidence.get("withdrawn")))
        for record in FindingRecord.objects.filter(rule="exceedance-hour")
    }


def test_each_limit_has_its_own_finding_and_severity(both: Data) -> None:
    judged(both, 32.0)
    assert standing() == {"≤10": ("critical", False), "≤35": ("major", False)}
    assert Exceedance.objects.filter(averaging="hour").values("finding").distinct().count() == 2
    assert Alert.objects.filter(rule="exceedance-hour").count() == 1


def test_one_limit_withdrawn_leaves_the_other_standing(both: Data) -> None:
    judged(both, 32.0)
    PermitLimit.objects.filter(outlet__code="S1-G1").update(upper="40")
    clock().advance(60)  # type: ignore[attr-defined]
    services.re_evaluate("outlets", DAY, DAY)
    observing.consume_findings()
    assert standing() == {"≤10": ("minor", True), "≤35": ("major", False)}


def as_before(both: Data) -> str:
    """Leave what earlier versions did: one finding for both, last stated by the laxer limit."""
    judged(both, 32.0)
    strict, lax = Exceedance.objects.filter(averaging="hour").order_by("-multiple")
    FindingRecord.objects.filter(pk=lax.finding).delete()
    (stated,) = [one for _position, one in stores.findings().read(0, 1000) if one.id == lax.finding]
    Exceedance.objects.filter(pk=lax.pk).update(finding=strict.finding)
    stores.findings().append([replace(stated, id=strict.finding)])
    observing.consume_findings()
    assert FindingRecord.objects.get(pk=strict.finding).severity == "major"
    return strict.finding


def test_findings_shared_before_part_without_being_told_twice(both: Data) -> None:
    shared = as_before(both)
    import_module("qingjian.apps.evaluation.migrations.0011_a_finding_for_each_limit").part(apps, None)
    (left,) = Exceedance.objects.filter(averaging="hour", finding="")
    assert left.multiple is not None
    assert left.multiple < 1
    clock().advance(60)  # type: ignore[attr-defined]
    for _twice in range(2):
        services.re_evaluate("outlets", DAY, DAY)
        observing.consume_findings()
    assert FindingRecord.objects.get(pk=shared).severity == "critical"
    assert FindingRecord.objects.filter(rule="exceedance-hour").count() == 2
    assert not Exceedance.objects.filter(averaging="hour", finding="").exists()
    assert Alert.objects.filter(rule="exceedance-hour").count() == 1
    put(both, [1.0])
    clock().advance(60)  # type: ignore[attr-defined]
    services.re_evaluate("outlets", DAY, DAY)
    observing.consume_findings()
    assert not FindingRecord.objects.filter(rule="exceedance-hour", end=None).exists()
    assert all(withdrawn for _severity, withdrawn in standing().values())
