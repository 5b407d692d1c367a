"""Where everything of one node lives below its data folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Layout of `--data DIR`. Every store has one writer role; nothing outside this folder is written."""

    root: Path

    @property
    def configuration(self) -> Path:
        return self.root / "qingjian.toml"

    @property
    def base_map(self) -> Path:
        """The office's own base map as GeoJSON."""
        return self.root / "base_map.geojson"

    @property
    def base_map_archive(self) -> Path:
        """The office's own base map as a PMTiles archive; goes before the GeoJSON."""
        return self.root / "base_map.pmtiles"

    @property
    def lock(self) -> Path:
        return self.root / "running.lock"

    @property
    def people(self) -> Path:
        """Directory of the people's database and its secrets (embedded profile)."""
        return self.root / "people"

    @property
    def before_migrating(self) -> Path:
        """Copy of the people's database (SQLite) while its tables are changed; left behind only where that was interrupted."""
        return self.people / "people.sqlite3.before-migrating"

    @property
    def journal(self) -> Path:
        """One sub-folder per gateway process."""
        return self.root / "journal"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def directory(self) -> Path:
        return self.root / "directory"

    @property
    def commands(self) -> Path:
        """The durable command queue, written through the gateway's room."""
        return self.root / "exchange" / "commands.sqlite3"

    @property
    def presence(self) -> Path:
        """Who is connected; written by gateway processes."""
        return self.root / "exchange" / "presence.sqlite3"

    @property
    def findings(self) -> Path:
        return self.root / "exchange" / "findings.sqlite3"

    @property
    def latest(self) -> Path:
        return self.root / "exchange" / "latest.sqlite3"

    @property
    def forwarding(self) -> Path:
        return self.root / "exchange" / "forwarding.sqlite3"

    @property
    def quarantine(self) -> Path:
        """Counters of unknown senders and refused bytes, written by gateway processes."""
        return self.root / "exchange" / "quarantine.sqlite3"

    @property
    def facts(self) -> Path:
        """What people stated about stretches of data; written by the apps, read by the pipeline."""
        return self.root / "exchange" / "facts.sqlite3"

    @property
    def corrections(self) -> Path:
        """Approved corrections of values that wait for the pipeline; written by the apps."""
        return self.root / "exchange" / "corrections"

    @property
    def rulebook(self) -> Path:
        """Snapshots of this office's rulebook; a directory names the one that goes with it."""
        return self.root / "rulebook"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger"

    @property
    def anchored(self) -> Path:
        """How far each journal is in the ledger; written by the notary's process."""
        return self.root / "ledger" / "journal-anchored.json"

    @property
    def entered(self) -> Path:
        """Up to which batch of each journal the notary's process has looked; a short cut for it alone."""
        return self.root / "ledger" / "journal-positions.json"

    @property
    def restored(self) -> Path:
        """There while a restored folder was not compared with its ledger yet; holds when it was restored."""
        return self.root / "ledger" / "restored"

    @property
    def uploads(self) -> Path:
        """Files by digest."""
        return self.root / "uploads"

    @property
    def intake(self) -> Path:
        """Files received through import, kept as they came."""
        return self.root / "intake"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def make(self) -> None:
        """Create the sub-folders that do not exist yet."""
        for folder in (
            self.people,
            self.journal,
            self.lake,
            self.directory,
            self.commands.parent,
            self.rulebook,
            self.ledger,
            self.uploads,
            self.intake,
            self.logs,
        ):
            make_durably(folder)


def make_durably(folder: Path) -> None:
    """Create a folder and what is missing above it so that their names survive a power cut."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """fsync a directory, so that a rename or a new name in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file atomically and durably: write beside it, fsync, rename, fsync the directory."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with beside.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    beside.replace(path)
    sync_folder(path.parent)
