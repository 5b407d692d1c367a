"""`qingjian ledger`: the commands others script against."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.notary.conftest import LocalWitness, fill
from typer.testing import CliRunner

from qingjian.cli.ledger import app
from qingjian.contracts.clock import ManualClock, SystemClock
from qingjian.contracts.folders import DataFolder
from qingjian.journal.frame import Kind, NewFrame
from qingjian.journal.reader import JournalReader
from qingjian.journal.retention import delete_segments
from qingjian.journal.writer import JournalLimits, JournalWriter
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.policy import parse_policy
from qingjian.ledger.proof import parse_proof, verify_proof
from qingjian.notary import configured
from qingjian.notary.anchors import FolderMirror
from qingjian.notary.contents import enter_batch, frame_row
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import MemoryOutbox

RUNNER = CliRunner()
ORIGIN = "qingjian.example/county"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a real journal of one closed batch whose root is in the ledger."""
    clock = SystemClock()
    folder = DataFolder(tmp_path / "data")
    folder.make()
    writer = JournalWriter.open(folder.journal, "gate-1", clock, JournalLimits(batch_frames=8))
    received = 1_795_000_000_000_000
    writer.append_many(
        [
            NewFrame(received + n, "192.0.2.1:5", 1, f"MN{n % 2}", Kind.ACCEPTED, f"##frame {n}\r\n".encode())
            for n in range(8)
        ]
    )
    writer.close()
    notary = Notary(folder.ledger, clock, origin=ORIGIN)
    with JournalReader(folder.journal / "gate-1") as reader:
        for batch in reader.batches():
            enter_batch(notary, map(frame_row, reader.read(batch.first - 1, batch.last - batch.first + 1)))
    notary.sequence()
    notary.close()
    return folder.root


def run(*arguments: object) -> tuple[int, str]:
    result = RUNNER.invoke(app, [str(item) for item in arguments])
    return result.exit_code, result.output


def run_json(*arguments: object) -> dict[str, object]:
    code, output = run(*arguments, "--json")
    assert code == 0, output
    return json.loads(output)


def test_status_and_fsck(data: Path) -> None:
    found = run_json("status", "--data", data)
    assert (found["origin"], found["frozen"], found["waiting"]) == (ORIGIN, None, 0)
    (shard,) = found["shards"]
    assert (shard["size"], shard["published"], shard["cosigned"]) == (2, 2, None)
    assert run_json("fsck", "--data", data)["ok"] is True
    assert "0 个" in run("fsck", "--data", data)[1]
    bundle = next((data / "ledger" / "public").rglob("entries/000.p/2"))
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"!")
    code, output = run("fsck", "--data", data)
    assert code == 1
    assert "tile/entries/000.p/2" in output
    code, output = run("status", "--data", data)
    assert code == 1
    assert "FROZEN" in output


def test_no_ledger(tmp_path: Path) -> None:
    for command in (["status"], ["fsck"], ["prove", "0"], ["policy"], ["recover"]):
        code, output = run(*command, "--data", tmp_path)
        assert code == 1
        assert "no ledger" in output


def test_prove_gives_a_proof_that_outsiders_read(data: Path, tmp_path: Path) -> None:
    found = run_json("prove", "frames/gate-1/1", "--data", data, "--out", tmp_path / "a.tlog-proof")
    policy = parse_policy(str(run_json("policy", "--data", data)["policy"]))
    proof = parse_proof((tmp_path / "a.tlog-proof").read_bytes())
    assert verify_proof(proof, leaf_hash(str(found["entry"]).encode()), policy).checkpoint.size == 2
    assert run("prove", "99", "--data", data)[0] == 1
    assert run("prove", "nothing", "--data", data)[0] == 1


def test_hammer(data: Path) -> None:
    found = run_json("hammer", "--data", data, "--proofs", 5, "--leaves", 300, "--batch", 100)
    assert (found["proofs"], found["leaves"]) == (5, 300)
    assert run_json("status", "--data", data)["shards"][0]["size"] == 2  # the real ledger got nothing
    assert not list((data / "ledger").glob(".hammer*"))


def test_export_and_verify(data: Path, tmp_path: Path) -> None:
    (tmp_path / "现场 说明.txt").write_text("说明", encoding="utf-8")
    bundle = tmp_path / "bundle.zip"
    options = ["--title", "核对", "--journal", "gate-1", "--first", 2, "--last", 7, "--mn", "MN0"]
    found = run_json("export-bundle", bundle, *options, "--file", tmp_path / "现场 说明.txt", "--data", data)
    assert (found["frames"], found["files"]) == (3, 1)
    assert run("verify", bundle)[0] == 2
    (tmp_path / "policy").write_text(str(run_json("policy", "--data", data)["policy"]))
    code, output = run("verify", bundle, "--policy", tmp_path / "policy")
    assert code == 0, output
    assert "3 帧" in output
    shards = run_json("status", "--data", data)["shards"]
    assert run("verify", bundle, "--fingerprint", shards[0]["keys"][0]["fingerprint"])[0] == 0
    content = bytearray(bundle.read_bytes())
    content[len(content) // 3] ^= 1
    bundle.write_bytes(content)
    assert run("verify", bundle, "--policy", tmp_path / "policy")[0] == 1
    assert run("verify", bundle, "--policy", tmp_path / "missing")[0] == 3
    both = ["--policy", tmp_path / "policy", "--fingerprint", shards[0]["keys"][0]["fingerprint"]]
    assert run("verify", bundle, *both)[0] == 3
    code, output = run(
        "export-bundle", bundle, "--title", "x", "--journal", "gate-1", "--last", 0, "--data", data
    )
    assert (code, "no such frames" in output) == (1, True)


def test_frames_the_journal_released_are_named(tmp_path: Path) -> None:
    clock = SystemClock()
    folder = DataFolder(tmp_path / "data")
    folder.make()
    limits = JournalLimits(batch_frames=2, segment_bytes=1)
    writer = JournalWriter.open(folder.journal, "gate-1", clock, limits)
    for n in range(8):
        writer.append_many([NewFrame(1_795_000_000_000_000 + n, "", 1, "MN0", Kind.ACCEPTED, b"##frame\r\n")])
    writer.close()
    Notary(folder.ledger, clock, origin=ORIGIN).close()
    assert delete_segments(folder.journal / "gate-1", 4, lake_position=8, ledger_position=8)
    options = ["--title", "核对", "--journal", "gate-1", "--first", 2, "--last", 7, "--data", folder.root]
    code, output = run("export-bundle", tmp_path / "bundle.zip", *options)
    assert code == 1
    assert "holds frames from" in output


def test_recover(data: Path, tmp_path: Path) -> None:
    year = run_json("status", "--data", data)["shards"][0]["shard"]
    (data / "ledger" / "instance").unlink()  # as after restoring a backup, which leaves it out
    assert run("status", "--data", data)[0] == 1
    done = run_json("recover", "--data", data)
    assert done["new_shard"] == f"{year}-2"
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    Notary(data / "ledger", SystemClock(), depositaries=[FolderMirror(mirror)]).close()
    notary = Notary(data / "ledger", SystemClock(), depositaries=[FolderMirror(mirror)])
    notary.current().republish()
    notary.sequence()
    notary.close()
    (data / "ledger" / "instance").unlink()
    assert run("status", "--data", data)[0] == 1
    assert run_json("recover", "--data", data, "--mirror", mirror)["new_shard"] is None
    assert run("status", "--data", data)[0] == 0
    assert run_json("recover", "--data", data, "--new-origin", "key-compromised")["new_shard"] == f"{year}-3"


def test_keys_are_changed_in_two_steps(data: Path) -> None:
    old = run_json("status", "--data", data)["shards"][0]["keys"][0]["key"]
    code, text = run("rotate-key", "--retire", old, "--data", data)
    assert code == 1  # the last key is never retired
    assert "last one" in text
    new = run_json("rotate-key", "--data", data)["key"]
    published = next((data / "ledger" / "public").glob("*/checkpoint")).read_text().count("\n— ")
    assert published == 2
    assert run_json("rotate-key", "--retire", old, "--data", data) == {"key": old, "retired": True}
    status = run_json("status", "--data", data)["shards"][0]
    assert {one["key"] for one in status["keys"]} == {old, new}
    assert run("fsck", "--data", data)[0] == 0
    assert run("rotate-key", "--retire", "nonsense", "--data", data)[0] == 1


@pytest.fixture
def witnessed(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder with a witness in its configuration that has seen more than the ledger, put back in place, has."""
    clock = ManualClock(SystemClock().now())
    witness = LocalWitness(tmp_path, "bureau", clock)
    answer = witness._ask
    monkeypatch.setattr(
        configured, "http_request", lambda url, body=None: answer("POST" if body else "GET", url, body or b"")
    )
    line = f'ledger_witnesses = "{witness.cosigner.key.encode()} http://witness"\n'
    DataFolder(data).configuration.write_text(line, encoding="utf-8")
    old = (data / "ledger").with_name("old")
    shutil.copytree(data / "ledger", old)
    notary = Notary(data / "ledger", clock)
    witness.trust(notary.verifier_keys(notary.state.shards()[-1].name))
    outbox = MemoryOutbox()
    fill(outbox, 5)
    notary.sequence([outbox])
    assert notary.cosign([witness.client]).answers == {"bureau": "cosigned"}
    notary.close()
    for path in (data / "ledger").glob("state.sqlite3*"):
        path.unlink()
    shutil.copyfile(old / "state.sqlite3", data / "ledger/state.sqlite3")
    shutil.rmtree(data / "ledger/public")
    shutil.copytree(old / "public", data / "ledger/public")
    return data


def test_recover_asks_the_configured_witnesses_without_being_told(witnessed: Path) -> None:
    assert run("status", "--data", witnessed)[0] == 0  # the folder looks whole to itself
    code, output = run("recover", "--data", witnessed)
    assert code == 1
    assert "no source has the missing entries" in output
    code, output = run("status", "--data", witnessed)
    assert (code, "FROZEN" in output) == (1, True)


def test_no_key_is_changed_before_the_configured_witnesses_were_asked(witnessed: Path) -> None:
    code, output = run("rotate-key", "--data", witnessed)
    assert code == 1
    assert "the world has seen 7 entries" in output


def test_a_new_origin_names_the_head_that_a_configured_witness_saw(witnessed: Path) -> None:
    name = run_json("recover", "--data", witnessed, "--new-origin", "history-lost")["new_shard"]
    start = json.loads(run_json("prove", f"{name}/0", "--data", witnessed)["entry"])
    assert start["previous"]["size"] == 7
