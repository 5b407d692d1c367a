"""A new database takes the short way of migrations, an older one goes on from where it stands; both end alike."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from tests import migrated

from qingjian.contracts.clock import CHINA

NIGHT = datetime(2026, 11, 20, 23, 30, tzinfo=CHINA)
FILLED = {
    "records": "0001_initial",
    "accounts": "0002_second_factor",
    "network": "0002_longer_notice",
    "evaluation": "0004_trend_warnings_and_standards",
    "matters": "0002_find_by_title",
}
"""Where each app stood before its first migration that moves rows; the one of integrity is younger than all of these."""


Tables = dict[str, Any]


@pytest.fixture
def new(django_db_setup: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[Tables]:
    """The tables of a new database; the connection leads to an empty one meanwhile."""
    kept = connection.settings_dict["NAME"]
    made = str(tmp_path / "old.sqlite3") if connection.vendor == "sqlite" else f"{kept}_old"
    with django_db_blocker.unblock():
        tables_of_it = tables()
        connection.close()
        if connection.vendor == "postgresql":
            migrated.create(made, "template0")
        connection.settings_dict["NAME"] = made
        try:
            yield tables_of_it
        finally:
            connection.close()
            connection.settings_dict["NAME"] = kept
            if connection.vendor == "postgresql":
                migrated.drop(made)


def one_by_one() -> MigrationExecutor:
    """An executor that knows the migrations only that were replaced since."""
    executor = MigrationExecutor(connection)
    executor.loader = MigrationLoader(connection, replace_migrations=False)
    return executor


def tables() -> Tables:
    """Columns, keys, indexes and constraints of every table, without the order of the columns and what is counted by it."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            columns = connection.introspection.get_table_description(cursor, table)
            rules = connection.introspection.get_constraints(cursor, table)
            found[table] = (
                {one.name: (one.type_code, one.display_size, one.null_ok, one.default) for one in columns},
                sorted(
                    (re.sub(r"^(fk_\d+|__unnamed_.*)$", "", name), repr(facts))
                    for name, facts in rules.items()
                ),
            )
    return found


class Filler:
    """Makes rows of models as they were: what a row must have and is not said gets a plain value."""

    def __init__(self, apps: Any) -> None:
        self.apps = apps
        self.known: dict[str, Any] = {}
        self.number = 0

    def make(self, label: str, **said: Any) -> Any:
        model = self.apps.get_model(label)
        self.number += 1
        for field in model._meta.concrete_fields:
            free = field.has_default() or field.null or (field.blank and field.empty_strings_allowed)
            if field.name not in said and not free and not getattr(field, "auto_created", False):
                said[field.name] = self.plain(field)
        row = model.objects.create(**said)
        self.known.setdefault(model._meta.label_lower, row)
        return row

    def plain(self, field: Any) -> Any:
        if field.is_relation:
            label = field.related_model._meta.label_lower
            return self.known.get(label) or self.make(label)
        kind = field.get_internal_type()
        return {
            "DateTimeField": NIGHT,
            "DateField": NIGHT.date(),
            "DurationField": timedelta(days=1),
            "JSONField": {},
            "BooleanField": False,
            "FloatField": 1.0,
            "BinaryField": b"x",
            "UUIDField": uuid.UUID(int=self.number),
        }.get(kind, self.number if "Integer" in kind else f"x{self.number}"[: field.max_length or 9])


def test_a_filled_old_database_ends_like_a_new_one(new: Tables) -> None:
    fill = Filler(one_by_one().migrate(sorted(FILLED.items())).apps)
    region = fill.make("accounts.Region", code="990101")
    holder = fill.make("accounts.Organisation", code="H1", kind="holder")
    bureau = fill.make("accounts.Organisation", code="B1", kind="bureau")
    officer = fill.make("accounts.User", username="officer", organisation=bureau)
    unit = fill.make("accounts.User", username="unit", organisation=holder)
    fill.make(
        "accounts.Post", user=officer, role="data_manager", valid_from=date(2026, 11, 20), organisation=bureau
    )
    fill.make("accounts.AuditEvent", action="account:user:added", user=officer, subject="unit")
    fill.make("accounts.AuditEvent", action="page:opened", user=officer)
    fill.make("evaluation.EnteredFile", author=officer, digest="f" * 64)
    matter = fill.make("matters.Matter", kind="corrective-action", number="N1", subject=holder)
    other = fill.make("matters.Matter", kind="clue-verification", number="N2")
    fill.make(
        "matters.TrailEntry", matter=matter, sequence=1, action="draft", actor=officer, data={"days": 5}
    )
    for person, title in ((unit, "theirs"), (officer, "ours")):
        fill.make("matters.Evidence", matter=matter, title=title, added_by=person)
    fill.make("matters.Deadline", matter=matter, code="rectify", responsible=officer)
    fill.make("matters.Deadline", matter=other, code="verify", responsible=officer)
    fill.make("matters.Delegation", person=officer, deputy=unit, author=officer, at=NIGHT)
    fill.make("matters.DocumentTemplate", author=officer, at=NIGHT)
    fill.make("matters.DocumentTemplate", author=unit, at=NIGHT)

    fill.apps = one_by_one().migrate([("integrity", "0003_suspect_suspect_counts")]).apps
    fill.make("integrity.Mute", closed=7, lifted_at=NIGHT)
    fill.make("integrity.Mute", closed=5)

    call_command("migrate", verbosity=0)

    from qingjian.apps.evaluation.models import EnteredFile
    from qingjian.apps.integrity.models import Mute
    from qingjian.apps.matters.models import Deadline, Delegation, DocumentTemplate, Evidence
    from qingjian.apps.network.models import Version
    from qingjian.apps.records.models import LedgerEvent

    events = list(LedgerEvent.objects.order_by("kind").values_list("kind", flat=True))
    assert events == ["file.imported", "matter.step", *["registry.installed"] * 3, "setting.changed"]
    assert EnteredFile.objects.get().author_id == officer.pk
    assert set(Version.objects.values_list("kind", "key")) == {
        ("region", "990101"),
        ("organisation", "H1"),
        ("organisation", "B1"),
    }
    assert set(Mute.objects.values_list("closed", "lifted_closed")) == {(7, 7), (5, None)}
    assert dict(Evidence.objects.values_list("title", "side")) == {"theirs": "subject", "ours": "bureau"}
    assert set(Deadline.objects.values_list("code", "party", "responsible", "kind", "region", "subject")) == {
        ("rectify", "subject", None, "corrective-action", region.pk, holder.pk),
        ("verify", "bureau", officer.pk, "clue-verification", region.pk, None),
    }
    (post,) = Delegation.objects.get().posts["person"]
    assert (post["organisation"], post["region"]) == (bureau.pk, region.pk)
    assert dict(DocumentTemplate.objects.values_list("author__username", "region__code")) == {
        "officer": "990101",
        "unit": None,
    }

    assert tables() == new


def steps(loader: MigrationLoader, key: tuple[str, str]) -> list[tuple[str, str]]:
    """Return what a migration stands for: itself, or those it replaces."""
    return loader.disk_migrations[key].replaces or [key]


@pytest.mark.any_database
def test_from_every_step_of_the_old_way_the_rest_is_found(new: Tables) -> None:
    """Each migration is done once: alone, or by the one that replaces it where nothing of its app was done."""
    executor = one_by_one()
    graph = executor.loader.graph
    ends = [
        (app, max(one.name for one in graph.nodes.values() if one.app_label == app and not one.replaces))
        for app in {app for app, _name in graph.nodes}
    ]
    old = [(one.app_label, one.name) for one, _back in executor.migration_plan(sorted(ends))]
    assert len(old) > 60
    recorder = MigrationRecorder(connection)
    recorder.ensure_schema()
    for done, (app, name) in enumerate(old):
        loader = MigrationLoader(connection)
        loader.check_consistent_history(connection)
        left = MigrationExecutor(connection).migration_plan(loader.graph.leaf_nodes())
        reached = old[:done]
        for one, _back in left:
            needed = {
                (name, "0001_initial") if first == "__first__" else (name, first)
                for name, first in one.dependencies
            }
            assert {step for key in needed for step in steps(loader, key)} <= set(reached), one
            reached += steps(loader, (one.app_label, one.name))
        assert sorted(reached) == sorted(old), (app, name)
        recorder.record_applied(app, name)
