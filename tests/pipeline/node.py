"""A small node: one county's directory, a journal that speaks HJ 212, and the engine over it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from qingjian.contracts.clock import CHINA, ManualClock
from qingjian.contracts.directory import Device, Directory, FileDirectoryStore, Route, Series
from qingjian.contracts.folders import DataFolder
from qingjian.hj212.encoder import Sender
from qingjian.journal import JournalWriter, Kind, NewFrame
from qingjian.lake import Lake
from qingjian.pipeline.batches import BatchLog
from qingjian.pipeline.engine import Engine
from qingjian.pipeline.findings import SqliteFindingLog
from qingjian.pipeline.latest import SqliteLatestStore

START = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
MN = "A" * 24
FACTORS = ("a21026", "a21002", "a34004")


def wire(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y%m%d%H%M%S")


def make_directory(version: int = 1, **changes: Any) -> Directory:
    series = [
        Series(
            id=number,
            code=f"P1:{factor}",
            point="P1",
            factor=factor,
            name_zh=factor,
            name_en=factor,
            unit="ug/m3",
            decimals=1,
            medium="air",
            device=MN,
            expected={"minute": 60, "hour": 3600},
        )
        for number, factor in enumerate(FACTORS, start=1)
    ]
    arguments: dict[str, Any] = {
        "devices": [
            Device(
                code="D1",
                mn=MN,
                password="123456",
                name="站一",
                point="P1",
                system_code="22",
                policy={"minute_interval": 1},
            )
        ],
        "series": series,
        "routes": [Route(MN, factor, number) for number, factor in enumerate(FACTORS, start=1)],
    }
    return Directory(version=version, published_at=START, **{**arguments, **changes})


@dataclass
class Node:
    folder: DataFolder
    clock: ManualClock
    directory: FileDirectoryStore
    sender: Sender = field(default_factory=lambda: Sender("2017", "22", "123456", MN))
    writers: dict[str, JournalWriter] = field(default_factory=dict)
    engines: list[Engine] = field(default_factory=list)
    sent: int = 0

    def upload(
        self,
        moment: datetime,
        values: dict[str, Any],
        *,
        command: str = "2051",
        flag: str = "N",
        **extra: Any,
    ) -> bytes:
        suffix = "Rtd" if command == "2011" else "Avg"
        groups = []
        for factor, value in values.items():
            pairs = value if isinstance(value, dict) else {suffix: str(value), "Flag": flag}
            groups.append([(f"{factor}-{name}", text) for name, text in pairs.items()])
        return self.sender.upload(command, wire(moment), groups, wire(self.clock.now()) + "000", **extra)

    def journal(self, contents: Iterable[bytes], name: str = "gateway-1", kind: Kind = Kind.ACCEPTED) -> None:
        if name not in self.writers:
            self.writers[name] = JournalWriter.open(self.folder.journal, name, self.clock)
        now = int(self.clock.now().timestamp() * 1_000_000)
        frames = [
            NewFrame(now + number, "127.0.0.1:1", 1, MN, kind, content, (), "", 1)
            for number, content in enumerate(contents)
        ]
        if frames:
            self.writers[name].append_many(frames)
            self.sent += len(frames)

    def engine(
        self, lake: str = "lake", state: str = "exchange", *, recovering: bool = True, **options: Any
    ) -> Engine:
        engine = Engine(
            journal_folder=self.folder.journal,
            directory=self.directory,
            lake=Lake(self.folder.root / lake, self.clock),
            batches=options.pop("batches", None) or BatchLog(self.folder.root / state / "batches.sqlite3"),
            latest=SqliteLatestStore(self.folder.root / state / "latest.sqlite3"),
            findings=SqliteFindingLog(self.folder.root / state / "findings.sqlite3"),
            clock=self.clock,
            **options,
        )
        if recovering:
            engine.recover()
        self.engines.append(engine)
        return engine


@contextmanager
def open_node(root: Path) -> Iterator[Node]:
    """Make a node with a published directory."""
    folder = DataFolder(root)
    folder.make()
    directory = FileDirectoryStore(folder.directory)
    directory.publish(make_directory())
    made = Node(folder, ManualClock(START), directory)
    yield made
    for engine in made.engines:
        engine.lake.close()
    for writer in made.writers.values():
        writer.close()


def everything(lake: Lake) -> dict[str, list[dict[str, Any]]]:
    """Return the whole content of a lake in a fixed order."""
    content: dict[str, list[dict[str, Any]]] = {}
    for name, table, order in (
        ("observations", lake.observations, "series, statistic, start, revision"),
        ("statements", lake.statements_table, "journal, sequence, name, field, reason, value"),
        ("frames", lake.frames_table, "journal, sequence"),
    ):
        table.refresh()
        paths = table.paths(lambda one: True)
        columns = ",".join(table.schema.names)
        content[name] = (
            lake._engine.table(f"SELECT {columns} FROM read_parquet({paths}) ORDER BY {order}").to_pylist()
            if paths
            else []
        )
    return content


def minutes(count: int, first: int = 0) -> list[datetime]:
    return [START + timedelta(minutes=first + number) for number in range(count)]
