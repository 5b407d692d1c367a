"""A program on the data of an older or a newer one, or without its database: it says so, and changes nothing."""

# ruff: noqa: F811 - fixtures are imported under the names tests ask for

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils.timezone import now
from tests.apps.conftest import _data_folder, _quick_passwords, clock, county, lay_out  # noqa: F401
from typer.testing import CliRunner

from qingjian.apps.evaluation.models import Failure
from qingjian.cli.main import app
from qingjian.contracts.folders import DataFolder
from qingjian.site import health, schema

Migration = MigrationRecorder.Migration
NEWEST = ("evaluation", "0010_failures")


@pytest.fixture
def folder(_data_folder: DataFolder) -> DataFolder:
    (_data_folder.root / "format").write_text("1", encoding="utf-8")
    return _data_folder


@pytest.fixture
def older(county) -> None:
    with connection.schema_editor() if connection.vendor == "postgresql" else connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE "{Failure._meta.db_table}"')
    Migration.objects.filter(app=NEWEST[0], name=NEWEST[1]).delete()


def test_doctor_and_status_speak_of_older_tables_and_ask_them_nothing(older, folder: DataFolder) -> None:
    assert schema.missing() == 1
    lines = {one.subject: one for one in health.doctor(folder)}
    assert lines["tables"].level == 2
    assert "qingjian upgrade" in lines["tables"].text
    assert "数据库比本程序旧" in lines["tables"].text
    assert "evaluation" not in lines
    assert "disk" in lines
    facts = health.status(folder)
    assert "alerts_open" not in facts
    json.dumps(facts, default=str)
    assert "qingjian upgrade" in dict(health.summary(folder, facts))["数据表 / tables"]


def test_tables_of_this_program_are_found_in_order(county, folder: DataFolder) -> None:
    assert schema.problem() == ""
    facts = health.status(folder)
    assert facts["tables"] == "ok"
    said = dict(health.summary(folder, facts))
    assert said["运行 / running"] == "未运行 / no"
    assert said["未关闭报警 / open alerts"] == "0"


MIGRATE = """
import os, sys
from pathlib import Path
os.environ |= {"QINGJIAN_DATA": sys.argv[1], "DJANGO_SETTINGS_MODULE": "qingjian.site.settings"}
import django
django.setup()
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from qingjian.contracts.folders import DataFolder
from qingjian.site import schema
folder = DataFolder(Path(sys.argv[1]))
record, call = MigrationRecorder.record_applied, schema.call_command
def killed(self, app, name):
    # Most migrations are noted after the transaction that made their tables.
    if not connection.in_atomic_block:
        os._exit(9)
    record(self, app, name)
def broken(*_args, **_options):
    connection.cursor().execute("CREATE TABLE half (a)")
    raise RuntimeError("broken")
if sys.argv[2] == "killed":
    MigrationRecorder.record_applied = killed
else:
    schema.call_command = broken
    try:
        schema.migrate(folder)
    except RuntimeError:
        assert connection.introspection.table_names() == []
    schema.call_command = call
schema.migrate(folder)
print(schema.missing(), folder.before_migrating.exists())
"""


def test_interrupted_between_tables_and_their_note_it_is_begun_again(tmp_path: Path) -> None:
    def migrate(how: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", MIGRATE, str(tmp_path), how], capture_output=True, text=True, check=False
        )

    DataFolder(tmp_path).make()
    (tmp_path / "format").write_text("1", encoding="utf-8")
    killed = migrate("killed")
    assert killed.returncode == 9, killed.stderr
    refused = CliRunner().invoke(app, ["run", "worker", "--data", str(tmp_path)])
    assert (refused.exit_code, "interrupted" in refused.output) == (2, True)
    done = migrate("broken, then whole")
    assert (done.returncode, done.stdout) == (0, "0 False\n"), done.stderr


def test_data_of_a_newer_program_are_refused_before_anything_is_written(
    county, folder: DataFolder, tmp_path: Path
) -> None:
    Migration.objects.create(app="matters", name="9999_of_the_future", applied=now())
    Migration.objects.create(app="an_app_of_somebody_else", name="0001_initial", applied=now())
    with pytest.raises(schema.NewerDataError, match=r"matters\.9999"):
        schema.refuse_newer()
    assert [one.level for one in health.doctor(folder) if one.subject == "tables"] == [2]
    for words in (["upgrade", "--backup", str(tmp_path / "kept")], ["up", "--empty", "--web-port", "0"]):
        done = CliRunner().invoke(app, [*words, "--data", str(folder.root)])
        assert done.exit_code == 2, done.output
        assert "请升级程序" in done.output
        assert "newer program" in done.output
    assert not (tmp_path / "kept").exists()


def test_a_newer_format_of_the_folder_is_refused(county, folder: DataFolder, tmp_path: Path) -> None:
    (folder.root / "format").write_text("2", encoding="utf-8")
    words = ["upgrade", "--backup", str(tmp_path / "kept"), "--data", str(folder.root)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2, done.output
    assert "newer than this program" in done.output
    assert not (tmp_path / "kept").exists()


def test_a_file_is_not_imported_into_older_tables(older, folder: DataFolder, tmp_path: Path) -> None:
    table = tmp_path / "values.csv"
    table.write_text("time,value\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["import", str(table), "--data", str(folder.root)])
    assert done.exit_code == 2, done.output
    assert "qingjian upgrade" in done.output


def test_a_database_that_is_away_is_named_and_the_rest_still_looked_at(
    county, folder: DataFolder, monkeypatch
) -> None:
    def away() -> None:
        raise OperationalError("could not connect to server")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", away)
        lines = {one.subject: one for one in health.doctor(folder)}
        assert "could not connect" in health.status(folder)["tables"]
    assert lines["database"].level == 2
    assert "could not connect" in lines["database"].text
    assert {"disk", "services", "web port"} <= set(lines)
