"""Screening side by side: our scores, the kit's baselines and random, on the kit's own panels and scorer.

  python -m bench.screening --kit KIT [--work FOLDER] [--python PYTHON] [--secret …] [--medium …] [--baselines …]

KIT is the folder with build_dev_panel.py, score.py and baselines.py. PYTHON runs those scripts and needs pandas,
numpy and pyarrow (pyod and LightGBM for some baselines); the product itself needs none of it. Panels are built once
under FOLDER and kept.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from qingjian.cli.screen_panel import read_panel, write_json, write_rows
from qingjian.screening.screen import Screening, learn_history, screen

SECRETS = ("dev-public-1", "dev-public-2", "dev-public-3")
MEDIA = ("air", "stack", "water")


def main() -> None:
    """Build, screen, score and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kit", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("build/screening"))
    parser.add_argument(
        "--python", default=sys.executable, help="interpreter with pandas for the kit's scripts"
    )
    parser.add_argument("--secret", nargs="+", default=list(SECRETS))
    parser.add_argument("--medium", nargs="+", choices=MEDIA, default=list(MEDIA))
    parser.add_argument("--baselines", nargs="*", default=[], help="baseline methods to run beside ours")
    parser.add_argument("--untouched", action="store_true", help="also count alarms on untouched panels")
    parser.add_argument("--brief", action="store_true")
    options = parser.parse_args()
    print(
        f"host: {platform.processor() or platform.machine()}, {os.cpu_count()} cores; {' '.join(sys.argv)}",
        flush=True,
    )
    build = options.work / "panels"
    missing = [
        s for s in options.secret if any(not (build / m / s / "D/panel").is_dir() for m in options.medium)
    ]
    if missing:
        kit(
            options,
            "build_dev_panel.py",
            "--out",
            str(build),
            "--format",
            "parquet",
            "--secret",
            *missing,
            "--medium",
            *options.medium,
        )
    for medium in options.medium:
        run_medium(options, build / medium, options.work / "out" / medium)


def kit(options: argparse.Namespace, script: str, *arguments: str) -> None:
    """Run one script of the kit, its output shown."""
    subprocess.run([options.python, str(options.kit / script), *arguments], check=True, cwd=options.kit)


def run_medium(options: argparse.Namespace, build: Path, out: Path) -> None:
    """Learn the history of a medium once, screen every panel, print the tables of both tracks."""
    began = time.perf_counter()
    learned = learn_history(read_panel(build / "history"))
    print(f"\n{build.name}: learned the history in {time.perf_counter() - began:.0f} s", flush=True)
    panels = [(s, t) for s in options.secret for t in ("D", "M") if (build / s / t / "panel").is_dir()]
    for secret, track in panels:
        began = time.perf_counter()
        write_result(screen(read_panel(build / secret / track / "panel"), learned), out / secret / track)
        print(f"{build.name} {secret} {track}: screened in {time.perf_counter() - began:.0f} s", flush=True)
    untouched = build / "untouched"
    if options.untouched and untouched.is_dir():
        earlier = learn_history(read_panel(untouched / "history"))
        write_result(screen(read_panel(untouched / "panel"), earlier), out / "untouched")
    for track in ("D", "M"):
        secrets = [s for s, t in panels if t == track]
        if not secrets:
            continue
        print(f"\n## {build.name}, track {track}", flush=True)
        score(options, build, track, [(out / s / track, s) for s in secrets], out / "untouched")
        if options.baselines:
            folders = [str(build / s / track / "panel") for s in secrets]
            targets = [out / "baselines" / s / track for s in secrets]
            kit(
                options,
                "baselines.py",
                "--history",
                str(build / "history"),
                "--panel",
                *folders,
                "--out",
                *map(str, targets),
                "--method",
                *options.baselines,
            )
            for method in options.baselines:
                print(f"\nbaseline {method}", flush=True)
                score(
                    options,
                    build,
                    track,
                    [(t / method, s) for t, s in zip(targets, secrets, strict=True)],
                    None,
                )


def score(
    options: argparse.Namespace, build: Path, track: str, runs: list[tuple[Path, str]], untouched: Path | None
) -> None:
    """Print the kit's table for some runs."""
    pairs = [f"{folder.resolve()}:{(build / secret / track / 'labels').resolve()}" for folder, secret in runs]
    extra = ["--brief"] if options.brief or untouched is None else []
    if untouched is not None and (untouched / "days.csv").is_file():
        extra += ["--untouched", f"{untouched.resolve()}:{(build / 'untouched/labels').resolve()}"]
    kit(options, "score.py", "--track", track, "--run", *pairs, *extra)


def write_result(result: Screening, out: Path) -> None:
    """The files of the contract."""
    out.mkdir(parents=True, exist_ok=True)
    write_rows(
        out / "days.csv",
        ("station", "parameter", "day", "score", "kind", "fault_score"),
        [(d.station, d.parameter, d.day, repr(d.score), d.kind, f"{d.fault_score:.9g}") for d in result.days],
    )
    write_rows(
        out / "months.csv",
        ("station", "parameter", "month", "score", "kind"),
        [(m.station, m.parameter, m.month, repr(m.score), m.kind) for m in result.months],
    )
    write_json(out / "findings.json", [f.as_record() for f in result.findings])


if __name__ == "__main__":
    main()
