"""Everything the pipeline does beside frames, each thing when it is due: imports, replays, rules, upkeep."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from qingjian.contracts.clock import Clock
from qingjian.contracts.commands import CommandQueue
from qingjian.contracts.directory import Directory
from qingjian.contracts.rulebooks import RulebookStore
from qingjian.gateway.settings import read_statuses
from qingjian.intake import ImportResult, ImportSource, IntakeError, KeptFiles, Spool, prepare, read_sheet
from qingjian.intake.importing import result_of
from qingjian.lake import CANDIDATES
from qingjian.pipeline.aggregation import Aggregator
from qingjian.pipeline.batches import Intent
from qingjian.pipeline.corrections import corrected_observation, waiting_corrections
from qingjian.pipeline.decoding import Decoder
from qingjian.pipeline.engine import Engine, empty_directory
from qingjian.pipeline.facts import SqliteFactLog
from qingjian.pipeline.gaps import GapFinder, GapSettings
from qingjian.pipeline.replay import replayed_observations, waiting_replays
from qingjian.pipeline.retention import release_segments
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.watch import JournalWatcher, all_watchers
from qingjian.pipeline.windows import Window
from qingjian.rulebook.book import difference

LOG = structlog.get_logger("qingjian.pipeline")
_HOUR = timedelta(hours=1)


class Work:
    """The chores around an engine. One that fails is logged, counted and tried again when it is next due."""

    def __init__(
        self,
        engine: Engine,
        settings: PipelineSettings,
        clock: Clock,
        queue: CommandQueue | None = None,
        gap_settings: GapSettings | None = None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock
        self._books = RulebookStore(settings.folder.rulebook)
        self._facts = SqliteFactLog(settings.folder.facts)
        self._queue = queue
        self._kept = KeptFiles(settings.folder.intake)
        self._spool = Spool(settings.spool_folder)
        self.errors = 0
        started = engine.findings.memory("first-start")
        if started is None:
            started = clock.now().isoformat()
            engine.findings.append_tick([], {"first-start": started})
        self.watched_since = datetime.fromisoformat(started)
        engine.watchers, self._silence = all_watchers(engine.findings.memory, clock.now())  # type: ignore[assignment]
        self._journals = JournalWatcher(engine.findings.memory)
        self.gaps = GapFinder(
            engine.lake,
            engine.findings.memory("gaps", {}),
            gap_settings or GapSettings(window=timedelta(days=settings.gap_window_days)),
        )
        engine.carry("import", self._carry_import)
        engine.carry("aggregate", self._carry_aggregate)
        engine.carry("replay", self._carry_replay)
        engine.carry("correction", self._carry_correction)
        self._due: dict[str, float] = {}
        self._chores: list[tuple[str, float, Callable[[], object]]] = [
            ("orders", 1.0, self.take_orders),
            ("silence", settings.silence_check_seconds, self.watch_silence),
            ("journals", settings.silence_check_seconds, self.watch_journals),
            ("aggregate", settings.aggregate_seconds, self.aggregate),
            ("gaps", settings.gap_check_seconds, self.look_for_gaps),
            ("compact", settings.compact_seconds, self.compact),
            ("settle", 3_600.0, self.settle),
            ("vacuum", 86_400.0, self.vacuum),
            ("release", settings.release_seconds, self.release),
        ]
        for name, seconds, _ in self._chores:
            self._due[name] = clock.monotonic() + (seconds if name in ("vacuum", "release") else 0.0)

    def do_due(self) -> None:
        """Do what is due."""
        for name, seconds, chore in self._chores:
            if self._clock.monotonic() < self._due[name]:
                continue
            try:
                chore()
            except Exception:
                self.errors += 1
                LOG.exception("chore_failed", chore=name)
            self._due[name] = self._clock.monotonic() + (
                0.0 if self._due.pop(f"{name}-rest", None) == 0.0 else seconds
            )

    def _directory(self, version: int | None = None) -> Directory:
        return self._engine.directory(version) or empty_directory(self._clock.now())

    # -- orders ------------------------------------------------------------------------------------------------

    def take_orders(self) -> int:
        """Carry out waiting imports, corrections and replays; returns how many."""
        done = 0
        for file, source in self._spool.orders():
            self._engine.start("import", source.to_json())
            self._spool.done(file)
            done += 1
        for path, order in waiting_corrections(self._settings.folder.corrections):
            self._engine.start("correction", order.to_json())
            path.unlink()
            done += 1
        for path, content in waiting_replays(self._settings.replay_folder):
            self._engine.start("replay", content)
            path.unlink()
            done += 1
        return done

    def _carry_import(self, intent: Intent) -> None:
        source = ImportSource.from_json({key: str(value) for key, value in intent.content.items()})
        directory = self._directory(intent.directory_version)
        try:
            prepared = prepare(read_sheet(self._kept.path(source.digest), source.name), directory, source)
        except (IntakeError, FileNotFoundError) as error:
            problems = [error.problem] if isinstance(error, IntakeError) else []
            self._engine.store_rows(intent, directory, observations=CANDIDATES.empty_table())
            self._kept.record(ImportResult(source.digest, problems=problems, batch=intent.number))
            return
        appended = self._engine.store_rows(intent, directory, observations=prepared.observations)
        self._kept.record(result_of(source, prepared, appended, intent.number))
        LOG.info(
            "imported",
            name=source.name,
            rows=prepared.rows,
            new=appended.new,
            problems=len(prepared.problems),
        )

    def _carry_correction(self, intent: Intent) -> None:
        rows = corrected_observation(self._engine.lake, intent.content, intent.known_at)
        self._engine.store_rows(intent, self._directory(intent.directory_version), observations=rows)
        LOG.info("corrected", number=intent.content["number"], rows=rows.num_rows)

    def _carry_replay(self, intent: Intent) -> None:
        directory = self._directory(intent.directory_version)
        rows = replayed_observations(
            self._engine.lake, Decoder(directory), dict(intent.content), intent.known_at
        )
        appended = self._engine.store_rows(intent, directory, observations=rows)
        LOG.info("replayed", mn=intent.content["mn"], new=appended.new, repeated=appended.repeated)

    # -- rules -------------------------------------------------------------------------------------------------

    def watch_silence(self) -> int:
        """Look for silent devices."""
        found, memory = self._silence.on_tick(self._directory(), self._clock.now())
        return self._engine.findings.append_tick(found, memory) if found else 0

    def watch_journals(self) -> int:
        """Look for gateways that cannot write to disk."""
        found, memory = self._journals.on_tick(read_statuses(self._settings.folder), self._clock.now())
        return self._engine.findings.append_tick(found, memory) if found else 0

    def aggregate(self) -> bool:
        """Aggregate what became known or ended since the last run; returns whether there was anything to do.

        A long history is cut into months; what is left of them stands in the batch and is done at the next call.
        """
        known_until = self._engine.lake.known_until()
        if known_until is None:
            return False
        before = self._engine.batches.last_of("aggregate")
        if before is not None and before.content["rest"]:
            windows = [Window.from_json(one) for one in before.content["rest"]]
        else:
            window = self._window(before, known_until)
            if window is None:
                return False
            self._engine.close_batch()
            again = self._months_of_changed_rules(before)
            windows = self._aggregator(self._directory(), window).slices(window, again)
        first, *rest = windows
        content = {
            "window": first.to_json(),
            "rest": [one.to_json() for one in rest],
            "rulebook": self._directory().rulebook_version,
        }
        self._engine.start("aggregate", content)
        if rest:
            self._due["aggregate-rest"] = 0.0
        return True

    def _window(self, before: Intent | None, known_until: datetime) -> Window | None:
        ended_until = self._clock.now() - timedelta(seconds=self._settings.aggregate_grace_seconds)
        ended_until = ended_until.replace(microsecond=0)
        stated = self._facts.last()
        if before is None:
            epoch = datetime.fromtimestamp(0, known_until.tzinfo)
            return Window(epoch, known_until, ended_until - _HOUR, ended_until, facts_until=stated)
        last = Window.from_json(before.content["window"])
        # The run's own results became known after what it looked at; they alone are no reason for another one.
        nothing_new = known_until <= before.known_at and stated == last.facts_until
        same_directory = self._directory().version == before.directory_version
        if nothing_new and same_directory and _same_hour(last.ended_until, ended_until):
            return None
        return Window(
            last.known_until,
            known_until,
            last.ended_until,
            max(last.ended_until, ended_until),
            facts_after=last.facts_until,
            facts_until=stated,
            directory_before=before.directory_version,
        )

    def _months_of_changed_rules(self, before: Intent | None) -> list[str]:
        """Return the local months with data that the rules changed since the last run have a say in."""
        if before is None:
            return []
        version = self._directory().rulebook_version
        if version == before.content.get("rulebook", ""):
            return []
        try:
            old = self._books.read(before.content.get("rulebook", ""))
        except FileNotFoundError:
            return []  # a folder restored without its older rulebooks: only new periods follow the new one
        days = difference(old, self._books.read(version)).affected_days()
        if days is None:
            return []  # a confirmation changes no number
        first, last = days
        return [
            month
            for month in self._engine.lake.months()
            if (last is None or month <= last.isoformat()[:7])
            and (first is None or month >= first.isoformat()[:7])
        ]

    def _aggregator(self, directory: Directory, window: Window) -> Aggregator:
        before = window.directory_before
        return Aggregator(
            self._engine.lake,
            directory,
            self._books.read(directory.rulebook_version),
            self._facts.read(up_to=window.facts_until),
            self._directory(before) if before and before != directory.version else None,
        )

    def _carry_aggregate(self, intent: Intent) -> None:
        directory = self._directory(intent.directory_version)
        window = Window.from_json(intent.content["window"])
        made = self._aggregator(directory, window).run(window, intent.known_at)
        self._engine.store_rows(intent, directory, observations=made.observations, findings=made.findings)

    def look_for_gaps(self) -> int:
        """Look for gaps and ask the devices for what is missing; returns the number of new statements."""
        directory, now = self._directory(), self._clock.now()
        found = self.gaps.look(directory, now, self.watched_since)
        asked = []
        if self._queue is not None and self._settings.ask_for_history:
            asked = self.gaps.ask(directory, self._queue, now)
        if found or asked:
            return self._engine.findings.append_tick(found, {"gaps": self.gaps.memory()})
        return 0

    # -- upkeep ------------------------------------------------------------------------------------------------

    def compact(self) -> int:
        """Merge small files."""
        return self._engine.lake.compact()

    def settle(self) -> int:
        """Settle the oldest month that is over and not yet settled."""
        before = self._clock.now() - timedelta(days=self._settings.settle_after_days)
        months = self._engine.lake.unsettled_months(before)
        return self._engine.lake.settle(months[0]) if months else 0

    def vacuum(self) -> int:
        """Delete files nothing uses any more."""
        return self._engine.lake.vacuum(self._settings.vacuum_hours)

    def release(self) -> int:
        """Delete journal segments nobody needs any more; returns how many."""
        if not self._settings.journal_days:
            return 0
        gone = release_segments(
            self._settings.folder,
            self._directory(),
            self._engine.positions(),
            self._engine.waiting(),
            self._clock.now() - timedelta(days=self._settings.journal_days),
        )
        return sum(len(paths) for paths in gone.values())


def _same_hour(one: datetime, other: datetime) -> bool:
    return one.replace(minute=0, second=0, microsecond=0) == other.replace(minute=0, second=0, microsecond=0)
