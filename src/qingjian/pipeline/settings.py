"""What the pipeline process is told at its start."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path

from qingjian.contracts.folders import DataFolder


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """Plain values only, so that a supervisor can hand them to a spawned process."""

    data: Path
    batch_seconds: float = 5.0
    """Longest wait of a value for the lake (`latest` has it at once)."""
    idle_seconds: float = 0.2
    """Pause when there was nothing to read."""
    silence_check_seconds: float = 10.0
    aggregate_seconds: float = 60.0
    aggregate_grace_seconds: float = 300.0
    """A period is aggregated so long after its end; what comes later makes a revision."""
    gap_check_seconds: float = 60.0
    gap_window_days: float = 35.0
    """How far back gaps are looked for at the first start; the demo has no minutes before its start and sets less."""
    ask_for_history: bool = True
    compact_seconds: float = 30.0
    settle_after_days: int = 3
    """A month is settled so many days after its end, and again when late rows have come."""
    vacuum_hours: int = 48
    journal_days: float = 30.0
    """Journal segments are kept so long after their newest frame, and longer while lake, ledger or an upper platform
    still needs them; 0 keeps them for ever."""
    release_seconds: float = 3_600.0
    metrics_port: int | None = None
    """Prometheus metrics on 127.0.0.1; 0 takes any free port."""

    def to_json(self) -> str:
        """Return the settings as text for the command line of a process."""
        return json.dumps(
            {one.name: _plain(getattr(self, one.name)) for one in fields(self)}, ensure_ascii=False
        )

    @classmethod
    def from_json(cls, text: str) -> PipelineSettings:
        """Inverse of `to_json`; missing keys take their defaults, unknown keys raise TypeError."""
        values = json.loads(text)
        values["data"] = Path(values["data"])
        return cls(**values)

    @property
    def folder(self) -> DataFolder:
        return DataFolder(self.data)

    @property
    def batches_path(self) -> Path:
        """The batch log."""
        return self.folder.findings.parent / "batches.sqlite3"

    @property
    def status_path(self) -> Path:
        """Rewritten every few seconds: JSON for `qingjian status`."""
        return self.folder.findings.parent / "pipeline.json"

    @property
    def replay_folder(self) -> Path:
        """Orders to read frames of the lake again, see `replay`."""
        return self.folder.findings.parent / "replay"

    @property
    def spool_folder(self) -> Path:
        """Files waiting to be imported, see `qingjian.intake.spool`."""
        return self.folder.intake / "spool"


@dataclass(frozen=True, slots=True)
class GapSettings:
    """Bounds of searching and asking."""

    window: timedelta = timedelta(days=35)
    """How far back gaps are looked for."""
    grace: timedelta = timedelta(minutes=15)
    """A period may arrive so late after its end, or after the start of the node if that was later, without being missed."""
    most_periods: int = 1_440
    """Periods asked for by one command."""
    most_waiting: int = 1
    """Commands not yet ended, per device."""
    most_at_once: int = 20
    """New commands of one round, all devices together."""
    most_tries: int = 3
    """Commands for the same stretch that reached the device; what still grows at its end has no such bound."""
    pause: timedelta = timedelta(minutes=10)
    """Between two commands for the same device; for the same stretch it doubles each time."""
    longest_pause: timedelta = timedelta(hours=6)
    expiry: timedelta = timedelta(hours=6)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
