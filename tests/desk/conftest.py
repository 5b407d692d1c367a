"""A node whose permit holder has sent a day of hours, all of it in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from tests.apps.conftest import (  # noqa: F401 - fixtures
    NOW,
    County,
    LayOut,
    _data_folder,
    _quick_passwords,
    clock,
    county,
    lay_out,
    registry,
)
from tests.engines import one_engine  # noqa: F401 - a fixture

from qingjian.apps.network import services as network
from qingjian.apps.records.services import RecordsOutbox
from qingjian.contracts.clock import CHINA, ManualClock
from qingjian.contracts.folders import DataFolder
from qingjian.hj212.encoder import Sender
from qingjian.journal import JournalWriter, Kind, NewFrame
from qingjian.lake import Lake
from qingjian.notary.notary import Notary
from qingjian.notary.service import NotaryService
from qingjian.pipeline.batches import BatchLog
from qingjian.pipeline.engine import Engine
from qingjian.pipeline.findings import SqliteFindingLog
from qingjian.pipeline.latest import SqliteLatestStore
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.work import Work
from qingjian.site.configuration import Configuration
from qingjian.site.notary import FrameBatches, open_notary

DAY = datetime(2026, 11, 19, 16, 0, tzinfo=UTC)
"""20 November begins (UTC+08:00)."""


@dataclass
class Node:
    """What runs beside the pages: a journal, the pipeline, the notary."""

    folder: DataFolder
    clock: ManualClock
    county: County
    sender: Sender = field(default_factory=lambda: Sender("2017", "32", "123456", "MN-W1"))

    def send_hours(self, first: datetime = DAY, count: int = 24, value: float = 40.0) -> None:
        """Receive hour values of the holder's outlet, each a minute after its hour, two frames a batch."""
        writer = JournalWriter.open(self.folder.journal, "gateway-1", self.clock)
        for number in range(count):
            start = first + timedelta(hours=number)
            received = start + timedelta(hours=1, minutes=1)
            stamp = start.astimezone(CHINA).strftime("%Y%m%d%H%M%S")
            qn = received.astimezone(CHINA).strftime("%Y%m%d%H%M%S000")
            groups = [[("w01018-Avg", f"{value + number:.1f}"), ("w01018-Flag", "N")]]
            content = self.sender.upload("2061", stamp, groups, qn)
            writer.append_many(
                [
                    NewFrame(
                        int(received.timestamp() * 1e6),
                        "127.0.0.1:1",
                        1,
                        "MN-W1",
                        Kind.ACCEPTED,
                        content,
                        (),
                        "",
                        1,
                    )
                ]
            )
            if number % 2:
                writer.close_batch()
        writer.close()

    def process(self) -> None:
        """Run the pipeline to the end of the journal, and carry out what people ordered."""
        state = self.folder.findings.parent
        engine = Engine(
            journal_folder=self.folder.journal,
            directory=network.directory_store(),
            lake=Lake(self.folder.lake, self.clock),
            batches=BatchLog(state / "batches.sqlite3"),
            latest=SqliteLatestStore(self.folder.latest),
            findings=SqliteFindingLog(self.folder.findings),
            clock=self.clock,
        )
        work = Work(engine, PipelineSettings(self.folder.root), self.clock)
        engine.recover()
        while engine.step():
            pass
        engine.close_batch()
        work.take_orders()
        engine.lake.close()

    def enter(self) -> None:
        """Run the notary once: everything that waits gets its place."""
        notary = self.open()
        service, batches = NotaryService(notary, [RecordsOutbox()]), FrameBatches(self.folder, notary)
        batches.enter()
        service.tick()
        batches.remember()
        notary.close()

    def open(self) -> Notary:
        return open_notary(self.folder, Configuration(), self.clock)

    @contextmanager
    def open_here(self) -> Iterator[Notary]:
        """The notary for one look, closed again."""
        notary = self.open()
        try:
            yield notary
        finally:
            notary.close()

    def lake_files(self, table: str) -> list[Path]:
        return sorted(path for path in self.folder.lake.rglob("*.parquet") if table in path.parts)


@pytest.fixture
def node(registry: County, clock: ManualClock, lay_out: LayOut) -> Node:  # noqa: F811
    made = Node(settings.DATA_FOLDER, clock, registry)

    def build() -> None:
        made.send_hours()
        made.process()

    lay_out("node", build)
    made.enter()  # anew in every test: a ledger knows that it was copied, and signs nothing then
    return made
