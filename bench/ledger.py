"""The ledger's goals: durable leaves a second, time of a proof in a large tree, stand-alone verification.

    python -m bench.ledger [--leaves 100000] [--batch 4096] [--tree 1000000] [--minutes 0|1] [--folder DIR]

- *durable leaves*: the notary's own sequencer with every fsync, in rounds of ``--batch``.
- *proof*: a tree of ``--tree`` leaves is filled by a bulk builder that writes tiles of random leaf hashes without
  fsync and without entries (32 bytes a leaf on disk, 3.3 GB at 10^8), then random leaves are proved from the files.
- *verification*: a bundle with a month of one outlet's hourly frames (720 among 30,000 other batches; with
  ``--minutes 1`` also 43,200 minute frames), each in a batch of ten of its own, checked by ``verify.py`` in its own
  process.

Everything is written below a temporary folder (``--folder`` chooses the disk) and removed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from qingjian.contracts.clock import ManualClock, SystemClock
from qingjian.ledger.entries import Frames, encode_entry
from qingjian.ledger.frames import FrameBatch
from qingjian.ledger.hashing import leaf_hash, perfect_root
from qingjian.ledger.tiles import TILE_WIDTH, Tile, TileNodes
from qingjian.ledger.tree import inclusion_proof, root, verify_inclusion
from qingjian.notary import verify
from qingjian.notary.bundle import BundleContent, FrameEvidence, build_bundle, own_policy
from qingjian.notary.contents import batch_of
from qingjian.notary.files import LogFiles
from qingjian.notary.hammer import LoadOutbox
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import Place


def host(folder: Path) -> None:
    processor = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    mount = max(
        (row.split() for row in Path("/proc/mounts").read_text().splitlines()),
        key=lambda row: len(row[1]) if str(folder).startswith(row[1]) else -1,
    )
    print(
        f"host     {processor}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    )
    print(f"disk     {mount[0]} {mount[2]} at {mount[1]}, {shutil.disk_usage(folder).free / 1e9:.0f} GB free")
    print(f"command  python -m bench.ledger {' '.join(sys.argv[1:])}")


def durable_leaves(folder: Path, leaves: int, batch: int) -> None:
    notary = Notary(folder / "durable", SystemClock(), origin="bench.invalid/ledger")
    outbox = LoadOutbox(leaves)
    rounds = []
    begin = time.perf_counter()
    while True:
        started = time.perf_counter()
        if not notary.sequence([outbox], batch).added:
            break
        rounds.append(time.perf_counter() - started)
    seconds = time.perf_counter() - begin
    size = sum(path.stat().st_size for path in (folder / "durable" / "public").rglob("*") if path.is_file())
    notary.close()
    print(
        f"durable  {leaves} leaves in rounds of {batch}: {leaves / seconds:,.0f} leaves/s "
        f"(goal 10,000), round median {statistics.median(rounds) * 1000:.0f} ms, {size / leaves:.0f} bytes/leaf on disk"
    )


def fill(files: LogFiles, leaves: int) -> None:
    """Write every tile of a tree of random leaf hashes; no fsync, no entries."""
    level, count = 0, leaves
    hashes = None
    while count:
        upper = bytearray()
        for index in range(-(-count // TILE_WIDTH)):
            width = min(TILE_WIDTH, count - index * TILE_WIDTH)
            content = (
                os.urandom(width * 32) if hashes is None else bytes(hashes[index * 8192 :][: width * 32])
            )
            path = files.folder / Tile(level, index, width).path
            if index % 1000 == 0 or width < TILE_WIDTH:
                path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            if width == TILE_WIDTH:
                upper += perfect_root([content[i : i + 32] for i in range(0, 8192, 32)])
        hashes = memoryview(bytes(upper))
        level, count = level + 1, count // TILE_WIDTH


def proof_time(folder: Path, leaves: int, proofs: int = 300) -> None:
    files = LogFiles(folder / "large")
    begin = time.perf_counter()
    fill(files, leaves)
    built = time.perf_counter() - begin
    head = root(leaves, TileNodes(leaves, files.tile).read)
    chance = random.Random(1)
    times, busy = [], 0.0
    for _ in range(proofs):
        index = chance.randrange(leaves)
        begin, busy_begin = time.perf_counter(), time.process_time()
        path = inclusion_proof(index, leaves, TileNodes(leaves, files.tile).read)
        times.append(time.perf_counter() - begin)
        busy += time.process_time() - busy_begin
        tile, offset = divmod(index, TILE_WIDTH)
        width = min(TILE_WIDTH, leaves - tile * TILE_WIDTH)
        leaf = files.tile(Tile(0, tile, width))[offset * 32 : offset * 32 + 32]
        verify_inclusion(leaf, index, leaves, path, head)
    times.sort()
    print(
        f"proof    {leaves:,} leaves (bulk builder {built:.0f} s): median {statistics.median(times) * 1000:.2f} ms, "
        f"p99 {times[int(len(times) * 0.99)] * 1000:.2f} ms, worst {times[-1] * 1000:.2f} ms, "
        f"processor time {busy / proofs * 1000:.2f} ms (goal 10 ms), all verified"
    )
    shutil.rmtree(files.folder)


@dataclass(frozen=True)
class BenchFrame:
    journal: str
    sequence: int
    received_us: int
    content: bytes
    nonce: bytes
    peer: str = "192.0.2.7:5000"
    mn: str = "88888880000001"
    kind: str = "accepted"
    codes: tuple[tuple[str, str], ...] = ()
    policy: str = ""


def frame(sequence: int, seconds: int) -> BenchFrame:
    """A data frame of ten values, as long as the ones devices send."""
    values = ";".join(f"a{21000 + n}-Rtd={random.random() * 50:.3f},a{21000 + n}-Flag=N" for n in range(10))
    body = f"QN=20261101000000{sequence % 1000:03d};ST=31;CN=2061;PW=123456;MN=88888880000001;Flag=4;CP=&&{values}&&"
    content = f"##{len(body):04d}{body}ABCD\r\n".encode()
    return BenchFrame("gate-1", sequence, (1_793_000_000 + seconds) * 1_000_000, content, os.urandom(16))


def month(folder: Path, frames: int, every: int, label: str) -> None:
    """A bundle of ``frames`` frames, each the only one of its outlet in a batch of ten."""
    notary = Notary(
        folder / label, ManualClock(datetime(2026, 11, 30, tzinfo=UTC)), origin="bench.invalid/ledger"
    )
    shard = notary.current()
    evidence: list[FrameEvidence] = []
    waiting: list[bytes] = []
    sequence = 1
    between = max(0, 30_000 // frames)
    for number in range(frames):
        batch: FrameBatch
        rows = [frame(sequence + i, number * every) for i in range(10)]
        sequence += 10
        batch = batch_of(rows)
        index = shard.row.size + len(waiting)
        evidence.append(FrameEvidence([rows[4]], batch, Place(shard.name, index)))
        waiting.append(encode_entry(Frames(batch.journal, batch.first, batch.last, batch.root)))
        waiting += [
            encode_entry(Frames("gate-2", sequence + i, sequence + i, os.urandom(32))) for i in range(between)
        ]
        if len(waiting) > 4_000:
            shard.append(waiting)
            waiting = []
    shard.append(waiting)
    begin = time.perf_counter()
    data = build_bundle(notary, BundleContent(label, frames=evidence))
    built = time.perf_counter() - begin
    path = folder / f"{label}.zip"
    path.write_bytes(data)
    policy = folder / f"{label}.policy"
    policy.write_text(own_policy(notary, [shard.name]))
    times, busy = [], []
    for _ in range(3):
        begin, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-I", "-S", verify.__file__, str(path), "--policy", str(policy), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - begin)
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy.append(now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime)
        assert json.loads(done.stdout)["exit"] == 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        raw = archive.getinfo("frames/gate-1.bin").file_size
    print(
        f"verify   {label}: {frames} frames among {shard.row.size:,} entries, bundle {len(data) / frames:.0f} bytes/frame "
        f"zipped (raw frame {raw / frames:.0f}), built in {built:.1f} s; verify.py {min(times):.2f} s best of 3, "
        f"{max(times):.2f} s worst, processor time {min(busy):.2f} s, process start included"
    )
    entry = len(encode_entry(Frames("gate-1", 1_000_000_001, 1_000_001_024, leaf_hash(b""))))
    print(
        f"         a full batch of 1,024 frames costs {(entry + 2 + 32.25) / 1024:.2f} bytes/frame in the ledger"
    )
    notary.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--leaves", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=4_096)
    parser.add_argument("--tree", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-ledger-", dir=options.folder))
    try:
        host(folder)
        durable_leaves(folder, options.leaves, options.batch)
        proof_time(folder, options.tree)
        month(folder, 720, 3_600, "hourly")
        if options.minutes:
            month(folder, 43_200, 60, "minutes")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
