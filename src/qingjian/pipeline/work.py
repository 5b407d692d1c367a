"""Everything the pipeline does beside frames, each thing when it is due: imports, replays, rules, upkeep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from qingjian.contracts.clock import Clock
from qingjian.contracts.commands import CommandQueue
from qingjian.contracts.directory import Directory
from qingjian.contracts.rulebooks import RulebookStore
from qingjian.gateway.settings import read_statuses
from qingjian.intake import ImportResult, ImportSource, IntakeError, KeptFiles, Spool, prepare, read_sheet
from qingjian.intake.importing import result_of, to_store
from qingjian.intake.problems import Problem
from qingjian.lake import CANDIDATES
from qingjian.pipeline.aggregation import Aggregator
from qingjian.pipeline.batches import Intent
from qingjian.pipeline.corrections import corrected_observation, waiting_corrections
from qingjian.pipeline.decoding import Decoder
from qingjian.pipeline.engine import Engine, empty_directory, order_failed
from qingjian.pipeline.facts import SqliteFactLog
from qingjian.pipeline.flags import FlagWatcher
from qingjian.pipeline.gaps import GapFinder
from qingjian.pipeline.halting import RULE as HALTED
from qingjian.pipeline.halting import Halted, halted
from qingjian.pipeline.isolating import STORE_ERRORS
from qingjian.pipeline.replay import replayed_observations, waiting_replays
from qingjian.pipeline.retention import release_segments
from qingjian.pipeline.settings import GapSettings, PipelineSettings
from qingjian.pipeline.watch import (
    ClockWatcher,
    JournalWatcher,
    SilenceWatcher,
    UnreadWatcher,
    all_watchers,
)
from qingjian.pipeline.windows import Window, floor_day
from qingjian.rulebook.book import difference

LOG = structlog.get_logger("qingjian.pipeline")
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
        self._started = clock.now()
        started = engine.findings.memory("first-start")
        if started is None:
            started = clock.now().isoformat()
            engine.findings.append_tick([], {"first-start": started})
        self.watched_since = datetime.fromisoformat(started)
        if engine.findings.memory("aggregated") is None:
            last = engine.batches.last_of("aggregate")
            engine.findings.append_tick([], {"aggregated": 0 if last is None else last.number})
        engine.watchers = list(all_watchers(engine.findings.memory, self._started))
        self._journals = JournalWatcher(engine.findings.memory)
        self.gaps = GapFinder(
            engine.lake,
            engine.findings.memory("gaps", {}),
            gap_settings or GapSettings(window=timedelta(days=settings.gap_window_days)),
        )
        engine.carry("import", self._alone(self._carry_import))
        engine.carry("aggregate", self._carry_aggregate, asked_again=True)
        engine.carry("replay", self._alone(self._carry_replay))
        engine.carry("correction", self._alone(self._carry_correction))
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
        return done + self._read_again()

    def _read_again(self) -> int:
        """Read frames that could not be read once more, now that the register is another; returns how many devices."""
        done = 0
        for watcher in self._engine.watchers:
            if isinstance(watcher, UnreadWatcher):
                for mn, first, last, memory in watcher.due(self._directory()):
                    begin, end = (_EPOCH + timedelta(microseconds=one) for one in (first, last + 1))
                    content = {"mn": mn, "start": begin.isoformat(), "end": end.isoformat()}
                    self._engine.start("replay", content)
                    self._engine.findings.append_tick([], memory)
                    done += 1
        return done

    def _alone(self, carry: Callable[[Intent], None]) -> Callable[[Intent], None]:
        """An order that fails is given up by itself, with a finding: the next ones, and the next start, go on."""

        def carried(intent: Intent) -> None:
            try:
                carry(intent)
            except STORE_ERRORS:
                raise
            except Exception as error:
                LOG.exception("order_failed", kind=intent.kind, number=intent.number)
                self.errors += 1
                self._engine.store_rows(
                    intent,
                    self._directory(intent.directory_version),
                    observations=CANDIDATES.empty_table(),
                    findings=[order_failed(intent, error)],
                )
                if intent.kind == "import":
                    self._record_failure(intent, error)

        return carried

    def _record_failure(self, intent: Intent, error: Exception) -> None:
        source = ImportSource.from_json({key: str(value) for key, value in intent.content.items()})
        problem = Problem(0, "", "failed", f"{type(error).__name__}: {error}"[:200])
        self._kept.record(
            ImportResult(
                source.digest,
                problems=[problem],
                batch=intent.number,
                order=source.order,
                options=source.options,
            )
        )

    def _carry_import(self, intent: Intent) -> None:
        source = ImportSource.from_json({key: str(value) for key, value in intent.content.items()})
        directory = self._directory(intent.directory_version)
        try:
            prepared = prepare(read_sheet(self._kept.path(source.digest), source.name), directory, source)
        except (IntakeError, FileNotFoundError) as error:
            problems = [error.problem] if isinstance(error, IntakeError) else []
            self._engine.store_rows(intent, directory, observations=CANDIDATES.empty_table())
            self._kept.record(
                ImportResult(
                    source.digest,
                    problems=problems,
                    batch=intent.number,
                    order=source.order,
                    options=source.options,
                )
            )
            return
        prepared, rows, known = to_store(
            self._engine.lake,
            directory,
            prepared,
            source,
            intent.known_at,
            again=self._kept.result(source.digest) is not None,
        )
        appended = self._engine.store_rows(intent, directory, observations=rows)
        self._kept.record(result_of(source, prepared, appended, intent.number, known))
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
            self._engine.lake,
            Decoder(directory, self._engine.directory),
            dict(intent.content),
            intent.known_at,
        )
        appended = self._engine.store_rows(intent, directory, observations=rows)
        LOG.info("replayed", mn=intent.content["mn"], new=appended.new, repeated=appended.repeated)

    # -- rules -------------------------------------------------------------------------------------------------

    def watch_silence(self) -> int:
        """Look for silent devices, and end what is open of devices and series that are out of service."""
        stated = 0
        for watcher in self._engine.watchers:
            if isinstance(watcher, SilenceWatcher | FlagWatcher | ClockWatcher):
                found, memory = watcher.on_tick(self._directory(), self._clock.now())
                stated += self._engine.findings.append_tick(found, memory) if found else 0
        return stated

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
        if before is not None and self._engine.findings.memory("aggregated", 0) < before.number:
            # It failed as a whole: the same is asked for again, so that no window is lost.
            self._engine.start("aggregate", before.content)
            return True
        retry = False
        if before is not None and before.content["rest"]:
            windows = [Window.from_json(one) for one in before.content["rest"]]
        else:
            window = self._window(before, known_until)
            if window is None:
                return False
            self._engine.close_batch()
            again = self._months_of_changed_rules(before)
            windows = self._aggregator(self._directory(), window).slices(window, again)
            retry = before is not None and self._try_again(before, window)
        first, *rest = windows
        held = halted(self._engine.findings.open_findings(HALTED))
        content: dict[str, Any] = {
            "window": first.to_json(),
            "rest": [one.to_json() for one in rest],
            "rulebook": self._directory().rulebook_version,
        }
        if held:
            content["halted"] = {code: one.to_json() for code, one in held.items()}
            content["retry"] = retry
        self._engine.start("aggregate", content)
        if rest:
            self._due["aggregate-rest"] = 0.0
        return True

    def _try_again(self, before: Intent, window: Window) -> bool:
        """Whether series that could not be computed are tried anew: the register changed, or a new day began."""
        last = Window.from_json(before.content["window"])
        return (
            before.directory_version != self._directory().version
            or window.facts_until != last.facts_until
            or floor_day(window.ended_until) != floor_day(last.ended_until)
        )

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

    def _aggregator(
        self, directory: Directory, window: Window, content: Mapping[str, Any] | None = None
    ) -> Aggregator:
        before, given = window.directory_before, content or {}
        return Aggregator(
            self._engine.lake,
            directory,
            self._books.read(directory.rulebook_version),
            self._facts.read(up_to=window.facts_until),
            self._directory(before) if before and before != directory.version else None,
            {code: Halted.from_json(one) for code, one in given.get("halted", {}).items()},
            retry=bool(given.get("retry")),
        )

    def _carry_aggregate(self, intent: Intent) -> None:
        directory = self._directory(intent.directory_version)
        window = Window.from_json(intent.content["window"])
        made = self._aggregator(directory, window, intent.content).run(window, intent.known_at)
        self._engine.store_rows(
            intent,
            directory,
            observations=made.observations,
            findings=made.findings,
            memory={"aggregated": intent.number},
        )

    def look_for_gaps(self) -> int:
        """Look for gaps and ask the devices for what is missing; returns the number of new statements."""
        directory, now = self._directory(), self._clock.now()
        found = self.gaps.look(directory, now, self.watched_since, self._started)
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
