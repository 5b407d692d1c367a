"""From the frames of a device to a clue: journal, pipeline, lake, screening and the job that keeps what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from django.conf import settings
from tests.apps.integrity.conftest import UNTIL

from qingjian.apps.integrity import screener
from qingjian.apps.integrity.models import Suspect
from qingjian.apps.integrity.panels import midnight
from qingjian.apps.integrity.words import PROCESS
from qingjian.apps.network import services as network
from qingjian.apps.network.services import Proposal
from qingjian.contracts.clock import CHINA
from qingjian.contracts.directory import FileDirectoryStore
from qingjian.hj212.encoder import Sender
from qingjian.journal import JournalWriter, Kind, NewFrame
from qingjian.lake import Lake
from qingjian.pipeline.batches import BatchLog
from qingjian.pipeline.engine import Engine
from qingjian.pipeline.findings import SqliteFindingLog
from qingjian.pipeline.latest import SqliteLatestStore

MN = "QJTEST-GAS-0001-STACK001"
FIRST = UNTIL - timedelta(days=219)
STOPPED = (date(2026, 11, 10), date(2026, 11, 12))
READ = {
    "a21026": ("SO2", "二氧化硫", "mg/m³"),
    "a19001": ("O2", "含氧量", "%"),
    "a01012": ("temperature", "烟气温度", "℃"),
    "a00000": ("flow", "废气流量", "m³/s"),
}
RUNNING, IDLE = (35.0, 8.0, 120.0, 60.0), (0.5, 20.8, 25.0, 2.0)
SPREAD = (4.0, 0.4, 4.0, 3.0)


def _register_stack() -> None:
    network.install(
        [
            Proposal("outlet", {"code": "S1-G1", "source": "S1", "name": "锅炉烟囱", "medium": "gas"}),
            Proposal(
                "point",
                {
                    "code": "G1",
                    "name": "化工厂锅炉排口",
                    "kind": "outlet_gas",
                    "level": "enterprise",
                    "region": "990101",
                    "organisation": "H1",
                    "outlet": "S1-G1",
                },
            ),
            Proposal(
                "device",
                {
                    "code": "G1-D1",
                    "mn": MN,
                    "password": "123456",
                    "name": "数采仪",
                    "point": "G1",
                    "system_code": "31",
                    "valid_from": "2024-01-01",
                },
            ),
            *(
                one
                for wire, (name_en, name, unit) in READ.items()
                for one in (
                    Proposal(
                        "factor",
                        {
                            "code": f"flue_gas.{wire}",
                            "medium": "flue_gas",
                            "wire_code": wire,
                            "name_zh": name,
                            "name_en": name_en,
                            "unit": unit,
                            "decimals": 1,
                        },
                    ),
                    Proposal(
                        "series",
                        {
                            "code": f"G1.{wire}",
                            "point": "G1",
                            "factor": f"flue_gas.{wire}",
                            "device": "G1-D1",
                            "unit": unit,
                            "decimals": 1,
                            "medium": "flue_gas",
                            "expected": {"hour": 3600},
                        },
                    ),
                    Proposal(
                        "route",
                        {
                            "device": "G1-D1",
                            "wire_factor": wire,
                            "series": f"G1.{wire}",
                            "valid_from": "2024-01-01",
                        },
                    ),
                )
            ),
        ]
    )
    network.publish_directory()


@pytest.fixture
def engine(registry, lay_out, clock, _data_folder) -> Iterator[Engine]:
    lay_out("stack", _register_stack)
    folder = settings.DATA_FOLDER
    made = Engine(
        journal_folder=folder.journal,
        directory=FileDirectoryStore(folder.directory),
        lake=Lake(folder.lake, clock),
        batches=BatchLog(folder.root / "exchange" / "batches.sqlite3"),
        latest=SqliteLatestStore(folder.root / "exchange" / "latest.sqlite3"),
        findings=SqliteFindingLog(folder.root / "exchange" / "findings.sqlite3"),
        clock=clock,
    )
    made.recover()
    yield made
    made.lake.close()


@pytest.fixture
def upload(engine: Engine, clock) -> Callable[[tuple[float, ...]], None]:
    """Return upload(stopped): hour frames of 220 days; on three of them every analyser bears F and reads about `stopped`."""

    def send(stopped: tuple[float, ...]) -> None:
        sender = Sender("2017", "31", "123456", MN)
        writer = JournalWriter.open(settings.DATA_FOLDER.journal, "gateway-1", clock)
        received = int(clock.now().timestamp() * 1_000_000)
        noise = np.random.default_rng(4).normal(size=(220 * 24, 4)) * SPREAD
        wave = np.sin(np.arange(220 * 24) / 24 * 2 * np.pi)
        frames = []
        for k in range(220 * 24):
            moment: datetime = midnight(FIRST) + timedelta(hours=k)
            day = moment.astimezone(CHINA).date()
            out = STOPPED[0] <= day <= STOPPED[1]
            usual = stopped if out else RUNNING
            values = np.maximum(np.array(usual) * (1 + 0.1 * wave[k]) + noise[k], 0.1)
            groups = [
                [(f"{wire}-Avg", f"{value:.1f}"), (f"{wire}-Flag", "F" if out else "N")]
                for wire, value in zip(READ, values, strict=True)
            ]
            told = moment.astimezone(CHINA).strftime("%Y%m%d%H%M%S")
            content = sender.upload("2061", told, groups, told + "000")
            frames.append(NewFrame(received + k, "127.0.0.1:1", 1, MN, Kind.ACCEPTED, content, (), "", 1))
        writer.append_many(frames)
        writer.close()
        while engine.step():
            pass
        engine.close_batch()

    return send


@pytest.mark.parametrize(("read", "clues"), [(RUNNING, 1), (IDLE, 0)])
def test_a_stop_that_a_device_declares_while_the_stack_runs_is_a_clue(
    upload, monkeypatch: pytest.MonkeyPatch, read: tuple[float, ...], clues: int
) -> None:
    """The flag F of every analyser, with gas as hot, fast and burnt as ever; a stop that is one asks nobody."""
    monkeypatch.setattr(screener, "REHEARSED", 1_500)
    upload(read)
    assert "G1" in {one.code for group in screener.panels.groups() for one in group.stations}
    screener.run()
    stopped = list(Suspect.objects.filter(kind="stop_not_stopped"))
    assert len(stopped) == clues
    for suspect in stopped:
        assert (suspect.rule, suspect.outcome) == (PROCESS, "clue")
        assert suspect.first_day <= STOPPED[0]
        assert suspect.last_day >= STOPPED[1]
        assert suspect.clue is not None
        assert suspect.clue.point.code == "G1"
