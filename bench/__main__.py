"""`make bench`: every measurement that needs no peer and no data folder, one after the other."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

BENCHES = (
    ["-m", "bench.hj212"],
    ["-m", "bench.gateway", "--seconds", "20", "--rate", "5000", "--with-pipeline"],
    ["-m", "bench.backfill"],
    ["-m", "bench.lake"],
    ["-m", "bench.quality"],
    ["-m", "bench.standards"],
    ["-m", "bench.ledger"],
)


def main() -> None:
    """Print the host, then run each bench with its command line above its output."""
    print(f"host: {platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    failed = []
    for arguments in BENCHES:
        print(f"\n$ python {' '.join(arguments)}", flush=True)
        if subprocess.run(
            [sys.executable, *arguments], env={**os.environ, "PYTHONPATH": "src"}, check=False
        ).returncode:
            failed.append(arguments[1])
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
