"""Simulated tampering changes simulated devices, in the way named, and never a replayed measurement."""

from datetime import UTC, datetime, timedelta

import pytest

from qingjian.simulator import demo
from qingjian.simulator.tampering import KINDS, NOTICE, Alteration, Altered

BOILER = "990121003100000000000003"
START = datetime(2026, 11, 1, tzinfo=UTC)
AT = START + timedelta(days=2, hours=3)


def values(
    kind: str, amount: float, at: datetime = AT, *, end: datetime | None = None
) -> tuple[dict[str, str], dict[str, str]]:
    """Return SO2 of the honest and of the altered boiler."""
    honest = demo.recorder(BOILER)
    altered = Altered(honest, [Alteration(kind, amount, START, end, frozenset({"a21026"}))])

    def so2(recorder: object) -> dict[str, str]:
        rows = {one.factor: dict(one.values) for one in recorder.record("hour", at, 3600)}  # type: ignore[attr-defined]
        return rows.get("a21026", {})

    return so2(honest), so2(altered)


def test_constant_capped_scaled_offset() -> None:
    assert values("constant", 7.5)[1]["Avg"] == "7.50"
    honest, capped = values("capped", 5.0)
    assert capped["Max"] == "5.00"
    honest, scaled = values("scaled", 0.5)
    assert float(scaled["Avg"]) == pytest.approx(float(honest["Avg"]) / 2, abs=0.01)
    assert float(scaled["ZsAvg"]) == pytest.approx(float(honest["ZsAvg"]) / 2, abs=0.02)
    assert float(scaled["Cou"]) == pytest.approx(float(honest["Cou"]) / 2, abs=0.01)
    honest, offset = values("offset", -1.0)
    assert float(offset["Avg"]) == pytest.approx(float(honest["Avg"]) - 1.0, abs=0.011)


def test_drift_grows_missing_is_missing_held_and_copied_repeat() -> None:
    honest, drifted = values("drift", 2.0)
    assert float(drifted["Avg"]) - float(honest["Avg"]) == pytest.approx(2.0 * 2.125, abs=0.011)
    assert values("missing", 0)[1] == {}
    assert values("held", 0)[1] == values("held", 0, AT + timedelta(hours=5))[1]
    copied = values("copied", 0)[1]
    assert copied == values("copied", 0, AT - timedelta(days=1))[1]
    assert copied == values("copied", 0, START - timedelta(hours=21))[0]
    spiked = [values("spikes", 4.0, START + timedelta(hours=n)) for n in range(60)]
    assert 0 < sum(honest != altered for honest, altered in spiked) < 30


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_nothing_changes_outside_the_interval_and_other_factors_stay(kind: str) -> None:
    before = values(kind, 3.0, START - timedelta(hours=1))
    assert before[0] == before[1]
    after = values(kind, 3.0, AT, end=START + timedelta(days=1))
    assert after[0] == after[1]
    honest = demo.recorder(BOILER)
    altered = Altered(honest, [Alteration(kind, 3.0, START, None, frozenset({"a21026"}))])
    others = [one for one in altered.record("hour", AT, 3600) if one.factor != "a21026"]
    assert others == [one for one in honest.record("hour", AT, 3600) if one.factor != "a21026"]


@pytest.mark.parametrize(
    "mn", ["990121002200000000000001", "990121003100000000000001", "990121002200000000000101"]
)
def test_replayed_measurements_are_never_altered(mn: str) -> None:
    with pytest.raises(ValueError, match="回放"):
        Altered(demo.recorder(mn), [Alteration("constant", 1.0, START)])


def test_unknown_kinds_and_naive_times_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        Alteration("invisible", 1.0, START)
    with pytest.raises(ValueError, match="zone"):
        Alteration("constant", 1.0, START.replace(tzinfo=None))
    assert "模拟" in NOTICE
