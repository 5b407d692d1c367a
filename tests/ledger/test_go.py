"""Third-party check: golang.org/x/mod/sumdb/note and tlog verify what this library writes."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from qingjian.ledger.checkpoint import Checkpoint, Cosigner, parse_checkpoint_text, sign_checkpoint
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.note import (
    Ed25519Signer,
    LineState,
    SignedNote,
    VerifierKey,
    encode_signer,
    load_private_key,
    open_note,
    parse_note,
)
from qingjian.ledger.tiles import ENTRIES, Tile, encode_bundle, grow
from qingjian.ledger.tree import MemoryTree

PROGRAM = Path(__file__).parent / "go" / "check"
DEBIAN_SOURCES = "/usr/share/gocode"
PACKAGE = Path(DEBIAN_SOURCES, "src/golang.org/x/mod/sumdb/tlog")


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("go") is None or not PACKAGE.is_dir():
        pytest.skip("golang-go or golang-golang-x-mod-dev is not installed")
    folder = tmp_path_factory.mktemp("go")
    program = folder / "check"
    environment = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": DEBIAN_SOURCES,
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    subprocess.run(["go", "build", "-o", str(program), "."], cwd=PROGRAM, env=environment, check=True)
    return program


def write_log(folder: Path, sizes: list[int], signer: Ed25519Signer) -> tuple[MemoryTree, list[Checkpoint]]:
    """Grow a log over the given sizes, deleting partial tiles once the full tile exists, as a log may."""
    entries: list[bytes] = []
    stored: dict[Tile, bytes] = {}
    tree = MemoryTree()
    heads = []
    for size in sizes:
        added = [f"entry {i}".encode() * (i % 3 + 1) for i in range(len(entries), size)]
        growth = grow(len(entries), [leaf_hash(entry) for entry in added], stored.__getitem__)
        entries += added
        stored.update(growth.tiles)
        for entry in added:
            tree.append_hash(leaf_hash(entry))
        heads.append(Checkpoint(signer.name, growth.size, growth.root))
    for start in range(0, len(entries), 256):
        group = entries[start : start + 256]
        stored[Tile(ENTRIES, start // 256, len(group))] = encode_bundle(group)
    for tile, content in stored.items():
        if tile.width == 256 or tile.full not in stored:
            path = folder / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return tree, heads


def run(checker: Path, task: dict[str, object]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([checker], input=json.dumps(task), capture_output=True, text=True, check=False)


def b64(items: list[bytes]) -> list[str]:
    return [base64.b64encode(item).decode() for item in items]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 70_000])
def test_go_verifies_checkpoint_tiles_and_proofs(checker: Path, tmp_path: Path, size: int) -> None:
    origin, seed = "qingjian.example/go", bytes(range(32))
    signer = Ed25519Signer(origin, load_private_key(seed))
    sizes = sorted({1, size // 3, size // 2, size - 1, size} - {0})
    tree, heads = write_log(tmp_path, sizes, signer)
    assert heads[-1].root == tree.root()
    cosigner = Cosigner("witness.example/w", load_private_key(b"w" * 32))
    note = parse_note(sign_checkpoint(heads[-1], [signer]))
    (tmp_path / "checkpoint").write_bytes(note.merged([cosigner.cosign(note.text, 1)]).encode())
    places = sorted({0, size // 3, size // 2, size - 1})
    task = {
        "Folder": str(tmp_path),
        "VerifierKey": signer.key.encode(),
        "Inclusion": [{"Index": i, "Path": b64(tree.inclusion_proof(i))} for i in places],
        "Consistency": [
            {
                "Old": head.size,
                "OldRoot": b64([head.root])[0],
                "Path": b64(tree.consistency_proof(head.size)),
            }
            for head in heads
        ],
        "SignerKey": encode_signer(origin, seed),
        "Text": "text by Go\n",
    }
    result = run(checker, task)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["Origin"], found["Size"], found["Verified"], found["Unverified"]) == (origin, size, 1, 1)
    assert (found["Entries"], found["Inclusion"], found["Consistency"]) == (size, len(places), len(heads))
    assert found["Resigned"] == "same"
    opened, lines = open_note(base64.b64decode(found["Note"]), [VerifierKey.parse(found["NoteKey"])])
    assert opened.text == "text by Go\n"
    assert [line.state for line in lines] == [LineState.VERIFIED]


def test_go_refuses_what_was_changed(checker: Path, tmp_path: Path) -> None:
    """The check can fail: a changed entry, tile, proof and signature are each refused."""
    origin, seed = "qingjian.example/go", bytes(range(32))
    signer = Ed25519Signer(origin, load_private_key(seed))
    tree, heads = write_log(tmp_path, [300], signer)
    checkpoint = sign_checkpoint(heads[-1], [signer])
    (tmp_path / "checkpoint").write_bytes(checkpoint)
    task = {
        "Folder": str(tmp_path),
        "VerifierKey": signer.key.encode(),
        "Inclusion": [{"Index": 5, "Path": b64(tree.inclusion_proof(5))}],
        "SignerKey": encode_signer(origin, seed),
        "Text": "text\n",
    }
    assert run(checker, task).returncode == 0
    for name in ("tile/entries/000", "tile/0/000", "tile/0/001.p/44"):
        content = bytearray((tmp_path / name).read_bytes())
        content[40] ^= 1
        (tmp_path / name).write_bytes(content)
        assert run(checker, task).returncode == 1, name
        content[40] ^= 1
        (tmp_path / name).write_bytes(content)
    assert (
        run(checker, task | {"Inclusion": [{"Index": 6, "Path": b64(tree.inclusion_proof(5))}]}).returncode
        == 1
    )
    other = Checkpoint(origin, 300, bytes(32))
    forged = SignedNote(other.text(), parse_note(checkpoint).signatures).encode()
    assert parse_checkpoint_text(parse_note(forged).text) == other
    (tmp_path / "checkpoint").write_bytes(forged)
    assert "open checkpoint" in run(checker, task).stderr
