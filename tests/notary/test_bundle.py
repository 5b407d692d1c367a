"""Evidence bundles: what an outsider finds when they check, and when anything was changed."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger import sm2_reference
from tests.notary.conftest import ORIGIN, START, LocalWitness, frames, office_kinds, seal_day

from qingjian.contracts.clock import ManualClock
from qingjian.ledger.note import SM2_SM3, Signature, VerifierKey, load_private_key, public_bytes
from qingjian.ledger.policy import parse_policy
from qingjian.ledger.seals import canonical_rows
from qingjian.notary import verify
from qingjian.notary.bundle import (
    BundleContent,
    EventEvidence,
    FileEvidence,
    FrameEvidence,
    SeriesDayEvidence,
    build_bundle,
    own_policy,
)
from qingjian.notary.contents import batch_of, batch_place, enter_batch, frame_row
from qingjian.notary.errors import NotaryError
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import MemoryOutbox, Place
from qingjian.notary.sealing import prove_series_day

SCRIPT = Path(verify.__file__)
DAY = datetime.date(2026, 11, 20)


@dataclass
class Case:
    """A bundle with everything in it, and the policies to check it with."""

    files: dict[str, bytes]
    policy: str
    notary: Notary
    content: BundleContent
    witness: LocalWitness

    def zip(self, folder: Path, files: dict[str, bytes] | None = None) -> Path:
        path = folder / "bundle.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, data in (self.files if files is None else files).items():
                archive.writestr(name, data)
        return path


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("case")
    clock = ManualClock(START)
    notary = Notary(folder / "ledger", clock, origin=ORIGIN)
    witness = LocalWitness(folder, "bureau", clock)
    witness.trust(notary.verifier_keys("2026"))
    outbox, kinds = MemoryOutbox(), office_kinds()
    report = "监测报告".encode() * 10
    content = {"actor": "张三", "document": hashlib.sha256(report).hexdigest()}
    event = kinds.prepare("sign-off", "s-1", START, content)
    row_id = outbox.add(event.entry)
    for first, count in ((1, 40), (41, 1)):
        enter_batch(notary, map(frame_row, frames(first, count)))
    columns = ("start", "value", "flags")
    canonical = canonical_rows("P1-a01", DAY, columns, [[1, 2.5, ""], [2, None, "M"]])
    seal_day(notary, DAY, [("P1-a01", canonical), ("P2-a01", canonical_rows("P2-a01", DAY, columns, []))])
    notary.sequence([outbox])
    notary.cosign([witness.client])
    places = [batch_place(notary, "gate-1", first, last) for first, last in ((1, 40), (41, 41))]
    assert places[0] is not None
    assert places[1] is not None
    bundle = BundleContent(
        "某排口 2026-11-20",
        frames=[
            FrameEvidence(frames(5, 3), batch_of(frames(1, 40)), places[0]),
            FrameEvidence(frames(41, 1), batch_of(frames(41, 1)), places[1]),
        ],
        series_days=[SeriesDayEvidence(canonical, prove_series_day(notary, DAY, "P1-a01"))],
        events=[EventEvidence("签字：张三", event.canonical, event.salt, outbox.places[row_id])],
        files=[
            FileEvidence("报告.pdf", "监测报告", report, event=0),
            FileEvidence("photo.jpg", "现场照片", b"\xff\xd8 photo"),
        ],
        summary=["本包用于核对 2026-11-20 的数据。"],
    )
    keys = {"bureau": witness.cosigner.key.encode()}
    data = build_bundle(notary, bundle, keys)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return Case(files, own_policy(notary, ["2026"], keys), notary, bundle, witness)


def run(path: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    """Run verify.py as an outsider does: another process, the standard library only (-I -S)."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(path), "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    return done.returncode, json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def test_everything_holds_under_a_policy_from_outside(case: Case, tmp_path: Path) -> None:
    (tmp_path / "policy").write_text(case.policy, encoding="utf-8")
    code, report = run(case.zip(tmp_path), "--policy", str(tmp_path / "policy"))
    assert (code, report["failures"]) == (0, [])
    held = json.dumps(report["held"], ensure_ascii=False)
    for part in (
        "4 条记录",
        "4 帧",
        "1 个序列日",
        "1 件业务事件",
        "见证 1 家",
        "仅由导出方签名",
        "events/0001.json",
    ):
        assert part in held, part
    assert "summary.md" in {one["part"] for one in report["held"] if "exporter only" in one["what"]}
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        archive.extractall(folder)
    assert run(folder, "--policy", str(tmp_path / "policy"))[0] == 0


def test_own_keys_only_is_not_enough(case: Case, tmp_path: Path) -> None:
    code, report = run(case.zip(tmp_path))
    assert (code, report["failures"]) == (2, [])
    assert "origin not confirmed" in str(report["verdict"])


def test_fingerprints(case: Case, tmp_path: Path) -> None:
    path = case.zip(tmp_path)
    log = case.notary.verifier_keys("2026")[0].fingerprint
    witness = case.witness.cosigner.key.fingerprint
    assert run(path, "--fingerprint", log)[0] == 0
    assert run(path, "--fingerprint", log.upper(), "--fingerprint", witness)[0] == 0
    assert run(path, "--fingerprint", witness)[0] == 1
    assert run(path, "--fingerprint", "0" * 64)[0] == 1


def test_other_peoples_keys(case: Case, tmp_path: Path) -> None:
    path = case.zip(tmp_path)
    stranger = Notary(tmp_path / "other", ManualClock(START), origin=ORIGIN)
    (tmp_path / "policy").write_text(own_policy(stranger, ["2026"]), encoding="utf-8")
    code, report = run(path, "--policy", str(tmp_path / "policy"))
    assert code == 1
    assert "whose key you did not name" in json.dumps(report)
    lone = LocalWitness(tmp_path, "never", ManualClock(START))
    text = own_policy(case.notary, ["2026"], {"never": lone.cosigner.key.encode()})
    (tmp_path / "policy").write_text(text, encoding="utf-8")
    code, report = run(path, "--policy", str(tmp_path / "policy"))
    assert code == 1
    assert "quorum" in json.dumps(report)


def test_wrong_usage_is_neither_of_the_verdicts(case: Case, tmp_path: Path) -> None:
    path = case.zip(tmp_path)
    assert run(path, "--policy", str(tmp_path / "missing"))[0] == 3
    assert run(path, "--nonsense")[0] == 3
    (tmp_path / "policy").write_text("quorum\n")
    assert run(path, "--policy", str(tmp_path / "policy"))[0] == 1
    assert run(tmp_path / "missing.zip")[0] == 1
    (tmp_path / "noise.zip").write_bytes(b"noise")
    assert run(tmp_path / "noise.zip")[0] == 1


def named(files: dict[str, bytes], policy: str | None, tmp_path: Path, case: Case) -> tuple[int, list[str]]:
    code, report = verify.verify(case.zip(tmp_path, files), policy)
    return code, [item["file"] for item in report["failures"]]


@pytest.mark.parametrize("trusted", [True, False])
def test_changing_any_file_is_noticed_and_named(case: Case, tmp_path: Path, trusted: bool) -> None:
    policy = case.policy if trusted else None
    assert named(case.files, policy, tmp_path, case) == (0 if trusted else 2, [])
    for name, data in case.files.items():
        points = 12 if trusted and name.endswith(".txt") else 4
        places = {round(i * (len(data) - 1) / points) for i in range(points + 1)}
        for place in places:
            changed = bytearray(data)
            changed[place] ^= 1
            code, files = named(case.files | {name: bytes(changed)}, policy, tmp_path, case)
            assert code == 1
            assert name in files, (name, place)
        for other in (data[:-1], data + b"\n", b""):
            code, files = named(case.files | {name: other}, policy, tmp_path, case)
            assert (code, name in files) == (1, True)
        code, files = named({k: v for k, v in case.files.items() if k != name}, policy, tmp_path, case)
        assert (code, name in files) == (1, True)
    code, files = named(case.files | {"extra.txt": b"x"}, policy, tmp_path, case)
    assert (code, files) == (1, ["extra.txt"])


def resigned(case: Case, files: dict[str, bytes]) -> dict[str, bytes]:
    """What an exporter with the real key can do: sign a manifest over changed files."""
    text = case.files["manifest.txt"].decode().rpartition("\n\n")[0] + "\n"
    head = [line for line in text.splitlines() if not line.startswith("file ")]
    head += [
        f"file {hashlib.sha256(data).hexdigest()} {len(data)} {name}"
        for name, data in sorted(files.items())
        if name != "manifest.txt"
    ]
    text = "\n".join(head) + "\n"
    signer = case.notary.keys.load(case.notary.state.keys("2026"))[0]
    from qingjian.ledger.note import SignedNote

    return files | {"manifest.txt": SignedNote(text, (signer.sign(text),)).encode()}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("frames/gate-1.bin", b"frame 0006", b"frame 6000"),
        ("frames/gate-1.jsonl", b'"received_us":1795000005', b'"received_us":1795000004'),
        ("frames/gate-1.jsonl", b"accepted", b"refused!"),
        ("frames/gate-1.jsonl", b'"sequence":6', b'"sequence":7'),
        ("values/P1-a01/2026-11-20.jsonl", b"2.5", b"2.4"),
        ("values/index.jsonl", b'"series":"P1-a01"', b'"series":"P2-a01"'),
        ("events/0001.json", "张三".encode(), "李四".encode()),
        ("files/报告.pdf", "监测".encode(), "检测".encode()),
        ("ledger/2026.jsonl", b'"first\\":1,', b'"first\\":2,'),
        ("checkpoints/2026.txt", b"\n5\n", b"\n4\n"),
    ],
)
def test_even_the_exporter_cannot_change_what_is_in_the_ledger(
    case: Case, tmp_path: Path, name: str, old: bytes, new: bytes
) -> None:
    assert old in case.files[name]
    files = resigned(case, case.files | {name: case.files[name].replace(old, new, 1)})
    code, report = verify.verify(case.zip(tmp_path, files), case.policy)
    assert code == 1, report
    assert not any(item["file"] == "manifest.txt" for item in report["failures"])


def test_the_exporter_cannot_slip_in_files_without_proof(case: Case, tmp_path: Path) -> None:
    for name in ("frames/gate-2.bin", "values/P9/2026-11-20.jsonl", "events/0002.json", "files/more.pdf"):
        code, report = verify.verify(
            case.zip(tmp_path, resigned(case, case.files | {name: b"{}"})), case.policy
        )
        assert code == 1
        assert name in [item["file"] for item in report["failures"]]
    plain = resigned(case, case.files | {"readme.txt": b"hello"})
    assert verify.verify(case.zip(tmp_path, plain), case.policy)[0] == 0


def index_of(*rows: dict[str, object]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_a_file_of_the_exporter_is_no_proof_of_another(case: Case, tmp_path: Path) -> None:
    forged = "伪造的监测报告".encode()
    note = json.dumps({"kind": "sign-off", "document": hashlib.sha256(forged).hexdigest()}).encode()
    rows = [
        {"event": None, "file": "files/note.json", "title": "t"},
        {"event": "files/note.json", "file": "files/报告.pdf", "title": "signed report"},
    ]
    files = {name: data for name, data in case.files.items() if not name.startswith("files/")}
    files |= {"files/note.json": note, "files/报告.pdf": forged, "files/index.jsonl": index_of(*rows)}
    code, report = verify.verify(case.zip(tmp_path, resigned(case, files)), case.policy)
    assert code == 1
    assert "not a file that a proven event" in json.dumps(report["failures"])
    assert "files/报告.pdf" not in {one["part"] for one in report["held"]}


def test_frames_of_another_journal_or_order_are_refused(case: Case, tmp_path: Path) -> None:
    """The name of the file and the order of its rows are what a reader takes from it."""
    rows = [json.loads(line) for line in case.files["frames/gate-1.jsonl"].splitlines()]
    raw, offset = b"", 0
    for row in reversed(rows):
        old = case.files["frames/gate-1.bin"][row["offset"] :][: row["length"]]
        row["offset"], offset, raw = offset, offset + row["length"], raw + old
    turned = {"frames/gate-1.bin": raw, "frames/gate-1.jsonl": index_of(*reversed(rows))}
    rest = {name: data for name, data in case.files.items() if not name.startswith("frames/")}
    renamed = {name.replace("gate-1", "gate-9"): case.files[name] for name in turned}
    for changed in (turned, renamed):
        code, report = verify.verify(case.zip(tmp_path, resigned(case, rest | changed)), case.policy)
        assert code == 1
        assert "not in its order" in json.dumps(report["failures"])


def test_sealed_values_under_the_name_of_another_series_are_refused(case: Case, tmp_path: Path) -> None:
    old, new = "values/P1-a01/2026-11-20.jsonl", "values/P9-a01/2026-11-20.jsonl"
    files = {name: data for name, data in case.files.items() if name != old} | {new: case.files[old]}
    files["values/index.jsonl"] = files["values/index.jsonl"].replace(old.encode(), new.encode())
    assert verify.verify(case.zip(tmp_path, resigned(case, files)), case.policy)[0] == 1


def test_every_file_beside_the_proofs_is_said_to_be_the_exporter_s_own(case: Case, tmp_path: Path) -> None:
    files = resigned(case, case.files | {"报告.pdf": b"x"})
    code, report = verify.verify(case.zip(tmp_path, files), case.policy)
    assert code == 0
    assert {"报告.pdf", "summary.md"} <= {
        one["part"] for one in report["held"] if "exporter only" in one["what"]
    }
    for name in ("values/P9/index.jsonl", "events/more/index.jsonl", "ledger/2025.jsonl"):
        files = resigned(case, case.files | {name: b"{}"})
        code, report = verify.verify(case.zip(tmp_path, files), case.policy)
        assert (code, name in [one["file"] for one in report["failures"]]) == (1, True)
    stranger = own_policy(Notary(tmp_path / "other", ManualClock(START), origin=ORIGIN), ["2026"])
    code, report = verify.verify(case.zip(tmp_path, case.files), stranger)
    assert (code, report["held"]) == (1, [])  # nobody known signed anything


def test_a_policy_and_fingerprints_are_not_mixed(case: Case, tmp_path: Path) -> None:
    """The fingerprints would push the quorum of the policy aside."""
    lone = LocalWitness(tmp_path, "never", ManualClock(START))
    policy = own_policy(case.notary, ["2026"], {"never": lone.cosigner.key.encode()})
    (tmp_path / "policy").write_text(policy, encoding="utf-8")
    log = case.notary.verifier_keys("2026")[0].fingerprint
    path = case.zip(tmp_path)
    assert run(path, "--policy", str(tmp_path / "policy"), "--fingerprint", log)[0] == 3
    assert verify.verify(path, policy, [log])[0] == 1


def test_a_policy_saved_by_a_windows_editor_and_a_code_page_without_chinese(
    case: Case, tmp_path: Path
) -> None:
    (tmp_path / "policy").write_text(case.policy, encoding="utf-8-sig")
    assert run(case.zip(tmp_path), "--policy", str(tmp_path / "policy"))[0] == 0
    for options in ([], ["--json"]):
        command = [sys.executable, str(SCRIPT), str(case.zip(tmp_path)), *options]
        environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
        done = subprocess.run(command, capture_output=True, check=False, env=environment)
        assert (done.returncode, done.stderr) == (2, b"")
        assert b"origin not confirmed" in done.stdout
        if options:
            assert json.loads(done.stdout.decode("ascii"))["exit"] == 2


def test_an_exporter_who_leaves_all_proofs_out_gets_no_verdict(case: Case, tmp_path: Path) -> None:
    """Else a bare table under a good signature would hold, and nobody would ask for the witnesses."""
    index = json.dumps({"file": "files/table.csv", "title": "t", "event": None}).encode() + b"\n"
    bare = {name: case.files[name] for name in ("summary.md", "policy.txt", "verify.py", "manifest.txt")}
    files = resigned(case, bare | {"files/table.csv": b"1,2", "files/index.jsonl": index})
    code, report = verify.verify(case.zip(tmp_path, files), case.policy)
    assert code == 1
    assert [item["file"] for item in report["failures"]] == ["checkpoints/"]


def test_a_bundle_that_cites_nothing_shows_a_head(case: Case, tmp_path: Path) -> None:
    content = BundleContent("空", files=[FileEvidence("table.csv", "t", b"1,2")])
    path = tmp_path / "bundle.zip"
    path.write_bytes(build_bundle(case.notary, content, {"bureau": case.witness.cosigner.key.encode()}))
    code, report = verify.verify(path, case.policy)
    assert code == 0, report
    assert any(one["part"] == "checkpoints/2026.txt" for one in report["held"])
    lone = LocalWitness(tmp_path, "never", ManualClock(START))
    asked = own_policy(case.notary, ["2026"], {"never": lone.cosigner.key.encode()})
    assert verify.verify(path, asked)[0] == 1


def test_a_name_twice_in_the_zip(case: Case, tmp_path: Path) -> None:
    path = case.zip(tmp_path)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("summary.md", b"another")
    code, report = verify.verify(path, case.policy)
    assert (code, report["failures"][0]["file"]) == (1, "summary.md")


def test_damage_inside_the_zip_names_the_file(case: Case, tmp_path: Path) -> None:
    path = case.zip(tmp_path)
    data = bytearray(path.read_bytes())
    place = data.index(case.files["summary.md"])
    data[place + 20] ^= 1
    path.write_bytes(data)
    code, report = verify.verify(path, case.policy)
    assert (code, report["failures"][0]["file"]) == (1, "summary.md")


def test_what_the_bundle_holds(case: Case) -> None:
    assert case.files["verify.py"] == SCRIPT.read_bytes()
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) <= 400
    manifest = case.files["manifest.txt"].decode()
    assert f"file {hashlib.sha256(SCRIPT.read_bytes()).hexdigest()} " in manifest
    assert case.files["frames/gate-1.bin"] == b"".join(f.content for f in [*frames(5, 3), *frames(41, 1)])
    summary = case.files["summary.md"].decode()
    for words in ("某排口 2026-11-20", "原始报文 4 帧", "签字：张三", "未入账", "本包用于核对", "怎样核验"):
        assert words in summary
    assert parse_policy(case.files["policy.txt"].decode()).encode()


def test_bundles_that_cannot_be_built(case: Case) -> None:
    good = case.content
    with pytest.raises(NotaryError, match="not below"):
        build_bundle(case.notary, replace(good, events=[replace(good.events[0], place=Place("2026", 99))]))
    for name in ("../x", "a b", "/x", "x/", ""):
        with pytest.raises(NotaryError, match="not a name"):
            build_bundle(case.notary, replace(good, files=[FileEvidence(name, "t", b"x")]))
    with pytest.raises(NotaryError, match="does not name"):
        build_bundle(case.notary, replace(good, files=[FileEvidence("a.pdf", "t", b"other", event=0)]))
    with pytest.raises(NotaryError, match="two files"):
        build_bundle(case.notary, replace(good, files=[FileEvidence("a", "t", b"x")] * 2))


# The verifier's own parts against the library and published vectors ---------------------------------

RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_ed25519_vectors(key: str, message: str, signature: str) -> None:
    arguments = [bytes.fromhex(item) for item in (key, message, signature)]
    assert verify.ed25519(*arguments)
    assert not verify.ed25519(arguments[0], arguments[1] + b"x", arguments[2])
    order = verify.Q
    s = int.from_bytes(arguments[2][32:], "little") + order
    assert not verify.ed25519(arguments[0], arguments[1], arguments[2][:32] + s.to_bytes(32, "little"))
    assert not verify.ed25519(b"\xff" * 32, arguments[1], arguments[2])
    assert not verify.ed25519(arguments[0], arguments[1], arguments[2][:63])


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), st.integers(0, 63), st.integers(1, 255))
def test_ed25519_agrees_with_cryptography(seed: bytes, message: bytes, place: int, flip: int) -> None:
    private: Ed25519PrivateKey = load_private_key(seed)
    signature = bytearray(private.sign(message))
    assert verify.ed25519(public_bytes(private), message, bytes(signature))
    signature[place] ^= flip
    assert not verify.ed25519(public_bytes(private), message, bytes(signature))


@pytest.mark.parametrize(
    "line", ["", "quorum nobody", "group g 3 bureau\nquorum g", "witness bureau x\nquorum none"]
)
def test_policies_are_read_as_the_library_reads_them(case: Case, line: str) -> None:
    base = "\n".join(row for row in case.policy.splitlines() if not row.startswith(("group", "quorum")))
    with pytest.raises(ValueError, match=r".*"):
        parse_policy(f"{base}\n{line}\n")
    with pytest.raises(ValueError, match=r".*"):
        verify.read_policy(f"{base}\n{line}\n")
    for good in (
        "quorum none",
        "quorum bureau",
        "group g 1 bureau\nquorum g",
        "group g all bureau\nquorum g",
    ):
        text = f"{base}\n{good}\n"
        assert parse_policy(text).quorum == verify.read_policy(text)[3]


def test_a_line_of_an_algorithm_the_verifier_lacks_is_said_and_never_counts(
    tmp_path: Path, clock: ManualClock
) -> None:
    class Sm2Signer:
        def __init__(self, origin: str) -> None:
            self.key = VerifierKey.named(origin, SM2_SM3, sm2_reference.PUBLIC_KEY)

        def sign(self, text: str) -> Signature:
            return Signature(self.key.name, self.key.key_id, sm2_reference.sign(text.encode()))

    notary = Notary(
        tmp_path / "ledger",
        clock,
        origin="county.example/ledger",
        further_signers=lambda origin: [Sm2Signer(origin)],
    )
    outbox = MemoryOutbox()
    event = office_kinds().prepare("sign-off", "s-1", clock.now(), {"actor": "a", "document": "d"})
    row = outbox.add(event.entry)
    notary.sequence([outbox])
    path = tmp_path / "bundle.zip"
    evidence = EventEvidence("签字", event.canonical, event.salt, outbox.places[row])
    path.write_bytes(build_bundle(notary, BundleContent("x", events=[evidence])))
    sm2 = Sm2Signer(f"{notary.origin}/2026").key.encode()
    ed25519 = notary.verifier_keys("2026")[0].encode()
    code, report = verify.verify(path, f"log {ed25519}\nlog {sm2}\nquorum none\n")
    assert code == 0, report
    assert any("present, not checked" in one["what"] for one in report["held"])
    code, report = verify.verify(path, f"log {sm2}\nquorum none\n")
    assert code == 1
    assert any("no key you named signed" in one["reason"] for one in report["failures"])
    code, report = verify.verify(path, f"log {ed25519}\nquorum none\n")
    assert code == 0  # a line of a key nobody named is no fault
