"""History that comes in beside live data: nothing is lost or mixed up, and the live value stays the latest."""

from datetime import timedelta

from tests.pipeline.node import FACTORS, START, Node

DAYS = 2


def test_a_backfill_flows_beside_live_data(node: Node) -> None:
    engine = node.engine(batch_seconds=20.0)
    node.clock.set_wall(START + timedelta(days=DAYS))
    live_begins = node.clock.now()
    history = [START + timedelta(minutes=number) for number in range(DAYS * 24 * 60)]
    rounds = 0
    # Newest first, as a 2025 device resends; 60 minutes of history for one live minute.
    for place in range(len(history), 0, -60):
        node.clock.advance(60)
        live = live_begins + timedelta(minutes=rounds)
        rounds += 1
        part = [node.upload(at, dict.fromkeys(FACTORS, at.minute)) for at in history[place - 60 : place]]
        node.journal([*part, node.upload(live, dict.fromkeys(FACTORS, 1_000 + rounds))])
        engine.step()
        values = engine.latest.read([1], "minute")
        assert [(one.start, one.value) for one in values] == [(live, 1_000 + rounds)], (
            "history never hides it"
        )
    engine.step(idle=True)
    assert engine.totals.changed == engine.totals.repeated == 0
    for number in range(1, len(FACTORS) + 1):
        rows = engine.lake.series([number], "minute", START, START + timedelta(days=DAYS + 1))
        assert rows["value"].to_pylist() == [at.minute for at in history] + [
            1_000 + number for number in range(1, rounds + 1)
        ]
