"""Somebody rewrites the stores of a running node behind the program's back; commands, pages and a witness say so.

Every change is put back again, so that the node serves the tests after this one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.e2e.conftest import PATIENCE_SECONDS, START_SECONDS, STOP_SECONDS, Node, free_port

from qingjian.contracts.clock import CHINA
from qingjian.lake import LakeReader
from qingjian.lake.reading import may_hold
from qingjian.ledger.checkpoint import Checkpoint, sign_checkpoint
from qingjian.ledger.entries import Event, encode_entry
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.tiles import ENTRIES, TILE_WIDTH, Tile, encode_bundle, grow
from qingjian.notary.files import CHECKPOINT, COSIGNED_CHECKPOINT, LogFiles
from qingjian.notary.keys import KeyFolder
from qingjian.notary.recovery import read_entries

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]


def environment() -> dict[str, str]:
    kept = {name: one for name, one in os.environ.items() if not name.startswith(("QINGJIAN_", "DJANGO_"))}
    return kept | {"PYTHONPATH": "src"}


def qingjian(*arguments: object) -> tuple[int, str]:
    command = [sys.executable, "-m", "qingjian.cli.main", *map(str, arguments)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=START_SECONDS)
    return done.returncode, done.stdout + done.stderr


def fsck(data: Path) -> tuple[int, list[str]]:
    code, text = qingjian("ledger", "fsck", "--json", "--data", data)
    return code, json.loads(text[text.index("{") :])["problems"]


def wait_for(reached: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS * 3) -> object:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := reached():
                return found
        except OSError:
            pass
        time.sleep(0.3)
    raise AssertionError(f"{what} did not happen")


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as answer:
        return answer.read()


def process_of(data: Path, name: str) -> int:
    """Process id of a service that the node's supervisor runs; 0 between two of them."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if name.encode() in words and str(data).encode() in words:
                return int(folder.name)
    return 0


# What somebody with all rights does ------------------------------------------------------------------


def rename_point(people: Path, name: str) -> tuple[str, str]:
    """Give the first point another name; its code and the name it had."""
    with closing(sqlite3.connect(people, timeout=30)) as database:
        code, old = database.execute("SELECT code, name FROM network_point ORDER BY code LIMIT 1").fetchone()
        database.execute("UPDATE network_point SET name = ? WHERE code = ?", (name, code))
        database.commit()
    return code, old


@contextmanager
def point_renamed(people: Path) -> Iterator[str]:
    code, old = rename_point(people, "别的名称")
    try:
        yield code
    finally:
        rename_point(people, old)


@contextmanager
def pipeline_held(data: Path) -> Iterator[None]:
    """No file of the lake is merged into another one meanwhile: what was rewritten can be put back."""
    found = int(str(wait_for(lambda: process_of(data, "pipeline"), "a pipeline")))
    os.kill(found, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(found, signal.SIGCONT)


@contextmanager
def value_halved(lake: Path, day: datetime) -> Iterator[None]:
    """One stored value of a sealed day; its raw frame or file stays."""
    reader = LakeReader(lake)
    reader.observations.refresh()
    paths = reader.observations.paths(lambda one: may_hold(one, start=day, end=day + timedelta(days=1)))
    # The row known first: devices still send values of the day after it was sealed, and those are not under the seal.
    known: list[tuple[int, Path, int]] = []
    for path in map(Path, paths):
        table = pq.read_table(path, partitioning=None, columns=["value_mantissa", "start", "known_at"])
        known += [
            (row["known_at"], path, place)
            for place, row in enumerate(table.to_pylist())
            if day <= row["start"] < day + timedelta(days=1) and row["value_mantissa"]
        ]
    assert known, "no value of that day in the lake"
    _known_at, path, row = min(known)
    before = path.read_bytes()
    table = pq.read_table(path, partitioning=None)
    values = table.column("value_mantissa").to_pylist()
    values[row] //= 2
    place = table.schema.get_field_index("value_mantissa")
    field = table.schema.field("value_mantissa")
    pq.write_table(table.set_column(place, field, pa.array(values, field.type)), path)
    reader.close()
    try:
        yield
    finally:
        path.write_bytes(before)


@contextmanager
def tile_flipped(path: Path) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(before[:40] + bytes([before[40] ^ 1]) + before[41:])
    try:
        yield
    finally:
        path.write_bytes(before)


def forge(ledger: Path) -> None:
    """Another history with the real key: one early entry differs, tiles, record and head all fit it."""
    database = sqlite3.connect(ledger / "state.sqlite3", timeout=30)
    name, origin, size = database.execute(
        "SELECT name, origin, size FROM shards ORDER BY position DESC"
    ).fetchone()
    files = LogFiles(ledger / "public" / name)
    entries = read_entries(files, 0, size)
    entries[min(5, size - 1)] = encode_entry(Event(os.urandom(32)))
    growth = grow(0, [leaf_hash(entry) for entry in entries], lambda _tile: b"")
    shutil.rmtree(ledger / "public" / name)
    for first in range(0, size, TILE_WIDTH):
        part = entries[first : first + TILE_WIDTH]
        files.write(Tile(ENTRIES, first // TILE_WIDTH, len(part)).path, encode_bundle(part))
    files.write_tiles(growth.tiles.items())
    database.execute("DROP TRIGGER one_root_for_a_size")
    database.execute("UPDATE shards SET root = ? WHERE name = ?", (growth.root, name))
    database.execute("DELETE FROM cosigned")
    keys = [row[0] for row in database.execute("SELECT verifier_key FROM keys WHERE shard = ?", (name,))]
    database.commit()
    database.close()
    signers = KeyFolder(ledger / "keys").load(keys)
    files.publish(CHECKPOINT, sign_checkpoint(Checkpoint(origin, size, growth.root), signers))


# The node's own words --------------------------------------------------------------------------------


def doctor(data: Path) -> list[str]:
    return qingjian("doctor", "--data", data)[1].splitlines()


def line_of(lines: list[str], subject: str) -> str:
    return next(line for line in lines if subject in line)


def test_database_lake_and_tiles_rewritten_at_once(signed_in, node: Node) -> None:
    code, text = qingjian("ledger", "seal", "--data", node.data)
    assert code == 0, text
    yesterday = (datetime.now(CHINA) - timedelta(hours=2)).date() - timedelta(days=1)
    day = datetime.combine(yesterday, datetime.min.time(), CHINA).astimezone(UTC)
    year = json.loads(fetch(f"{node.address}/ledger/shards.json"))["shards"][-1]["prefix"]
    tile = node.data / "ledger" / "public" / year / "tile" / "0" / "000"
    with (
        pipeline_held(node.data),
        point_renamed(node.data / "people" / "people.sqlite3") as point,
        value_halved(node.data / "lake", day),
        tile_flipped(tile),
    ):
        code, problems = fsck(node.data)
        assert code == 1
        for found in (f" {point}：", str(yesterday), "tile/0/000"):
            assert any(found in text for text in problems), (found, problems)
        assert "✗" in line_of(doctor(node.data), "ledger check")
        page = signed_in("shuju")
        assert page.locator(".alert-danger a[href='/desk/ledger/']").count() == 1
        page.goto(f"{node.address}/desk/ledger/")
        assert point in page.locator("#content").inner_text()
    assert fsck(node.data) == (0, [])
    page.goto(f"{node.address}/")
    assert page.locator(".alert-danger a[href='/desk/ledger/']").count() == 0


LOOK = """
import sys
from pathlib import Path
from qingjian.cli.folder import enter
enter(Path(sys.argv[1]))
from django.test import Client
from qingjian.apps.accounts.models import User
from qingjian.desk.ledger.checking import check_restored
if sys.argv[2:]:
    check_restored()
client = Client(SERVER_NAME="127.0.0.1")
client.force_login(User.objects.get(username="shuju"))
for address in ("/", "/desk/ledger/"):
    print(client.get(address).content.decode())
"""


def pages_of(data: Path, *worker: str) -> str:
    """Workbench and ledger page of a folder that is not being served; with `worker` after its worker has begun."""
    command = [sys.executable, "-c", LOOK, str(data), *worker]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=True, timeout=START_SECONDS
    )
    return done.stdout


def test_a_backup_rewritten(node: Node, tmp_path: Path) -> None:
    backup, again = tmp_path / "backup", tmp_path / "again"
    assert qingjian("backup", backup, "--data", node.data)[0] == 0
    people = backup / "people" / "people.sqlite3"
    point = rename_point(people, "别的名称")[0]
    # Where it lies it shows on the node that made it: the manifest's digest is in the ledger.
    code, problems = fsck(node.data)
    assert code == 1
    assert any(str(backup) in text for text in problems), problems
    assert "alert-danger" in pages_of(node.data)
    code, text = qingjian("restore", backup, "--data", again)
    assert code == 2
    assert "people/people.sqlite3" in text
    # Now the manifest is rewritten too, so that the backup agrees with itself.
    manifest = json.loads((backup / "manifest.json").read_text())
    entry = manifest["files"]["people/people.sqlite3"]
    entry["sha256"] = hashlib.sha256(people.read_bytes()).hexdigest()
    entry["size"] = people.stat().st_size
    (backup / "manifest.json").write_text(json.dumps(manifest))
    assert any(str(backup) in text for text in fsck(node.data)[1])
    assert qingjian("restore", backup, "--data", again)[0] == 0
    shown = pages_of(again)
    assert "alert-danger" in shown
    assert f" {point}：" not in shown
    assert f" {point}：" in pages_of(again, "worker")
    code, problems = fsck(again)
    assert code == 1
    assert any(f" {point}：" in text for text in problems), problems
    said = doctor(again)
    assert "✗" in line_of(said, "ledger check")
    assert "✗" in line_of(said, "does not sign")  # a restored ledger signs nothing before it has recovered
    shutil.rmtree(backup)
    assert fsck(node.data) == (0, [])


@pytest.fixture
def second(node: Node, tmp_path: Path) -> Iterator[str]:
    """A second node that is a witness of the first by its configuration; its address."""
    data, web = tmp_path / "second", free_port()
    keys = json.loads(fetch(f"{node.address}/ledger/shards.json"))["shards"][-1]["keys"]
    data.mkdir()
    (data / "qingjian.toml").write_text(
        f'node_name = "second.example"\nwitness_logs = "{" ".join(keys)}"\n', encoding="utf-8"
    )
    command = [sys.executable, "-m", "qingjian.cli.main", "up", "--empty", "--data", str(data)]
    log = (tmp_path / "second.log").open("wb")
    process = subprocess.Popen(
        [*command, "--web-port", str(web), "--gateway-port", str(free_port())],
        env=environment(),
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{web}"
    wait_for(lambda: fetch(f"{address}/health/"), "the second node", START_SECONDS)
    yield address
    process.send_signal(signal.SIGINT)
    assert process.wait(STOP_SECONDS) == 0, (tmp_path / "second.log").read_text()


def kill_notary(data: Path) -> int:
    """Kill it as soon as there is one (between two of them there is none); the process id it had."""
    found = int(str(wait_for(lambda: process_of(data, "notary"), "a notary")))
    os.kill(found, signal.SIGKILL)
    return found


def restart_notary(data: Path) -> None:
    before = kill_notary(data)
    wait_for(lambda: process_of(data, "notary") not in (0, before), "the restart of the notary")


def word(data: Path) -> dict:
    try:
        return json.loads((data / "exchange" / "notary.json").read_text())
    except ValueError:
        return {}


@contextmanager
def lock_held(ledger: Path) -> Iterator[None]:
    """While it is held the notary writes nothing."""
    with (ledger / "lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def test_a_second_node_as_witness_refuses_a_rewritten_history(
    signed_in, node: Node, second: str, tmp_path: Path
) -> None:
    ledger = node.data / "ledger"
    shown = fetch(f"{second}/public/ledger/").decode()
    key = re.search(r"second\.example/qingjian-witness\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+", shown)[0]
    page = signed_in("shuju")
    settings = node.data / "qingjian.toml"
    before = settings.read_text(encoding="utf-8") if settings.exists() else None
    settings.write_text(f'{before or ""}\nledger_witnesses = "{key} {second}/witness"\n', encoding="utf-8")
    try:
        restart_notary(node.data)
        year = json.loads(fetch(f"{node.address}/ledger/shards.json"))["shards"][-1]["prefix"]
        wait_for(lambda: fetch(f"{node.address}/ledger/{year}/{COSIGNED_CHECKPOINT}"), "a cosignature")
        page.goto(f"{node.address}/public/ledger/")
        assert "second.example/qingjian-witness" in page.locator("#content").inner_text()
        # The honest state, to be put back at the end.
        with lock_held(ledger):
            shutil.copytree(ledger / "public", tmp_path / "public")
            copy_database(ledger / "state.sqlite3", tmp_path / "state.sqlite3")
            forge(ledger)
            kill_notary(node.data)
        wait_for(lambda: "history" in (word(node.data).get("frozen") or ""), "the refusal")
        assert "second.example/qingjian-witness" in word(node.data)["frozen"]
        assert "✗" in line_of(doctor(node.data), "does not sign")
        page.goto(f"{node.address}/")
        assert page.locator(".alert-danger a[href='/desk/ledger/']").count() == 1
        with lock_held(ledger):
            shutil.rmtree(ledger / "public")
            shutil.copytree(tmp_path / "public", ledger / "public")
            copy_database(tmp_path / "state.sqlite3", ledger / "state.sqlite3")
            kill_notary(node.data)
        moment = time.time()
        wait_for(
            lambda: (said := word(node.data)).get("at", 0) > moment and not said["frozen"],
            "signing after the honest state came back",
        )
    finally:
        if before is None:
            settings.unlink()
        else:
            settings.write_text(before, encoding="utf-8")
        restart_notary(node.data)


def copy_database(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(source, timeout=30)) as first,
        closing(sqlite3.connect(target, timeout=30)) as second,
    ):
        first.backup(second)
