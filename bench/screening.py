"""Screening side by side: our scores, the kit's baselines and random, on the kit's own panels and scorer.

  python -m bench.screening --kit KIT [--work FOLDER] [--python PYTHON] [--secret …] [--medium …] [--track …]
                            [--baselines …] [--beside …]

KIT is the folder with build_dev_panel.py, score.py and baselines.py. PYTHON runs those scripts and needs pandas,
numpy and pyarrow; the product itself needs none of it. `--baselines` runs further methods beside ours: the kit's own
(iforest and subpca need pyod, lgbm LightGBM) and those of screening_generic.py (pyod, scikit-learn, stumpy). A method
whose package PYTHON lacks is named and left out. Panels are built once under FOLDER and kept. The last table of each
panel has one row a method, random among them; `--beside` names the secrets it is about, where the other methods would take
too long on all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from qingjian.cli.screen_panel import read_panel, write_json, write_rows
from qingjian.screening.parallel import processes
from qingjian.screening.screen import Screening, learn_history, screen

KITS_OWN = ("constant", "missing", "digit", "neighbour", "iforest", "subpca", "lgbm")
GENERIC = ("subknn", "kmeansad", "poly", "matrixprofile")
COLUMNS = {
    "D": ("AP", "recall@1FA", "recall@5FA", "FA@recall0.5", "AUC tamper/fault"),
    "M": ("AP", "recall@5%FPR", "AUC tamper/fault"),
}
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
    parser.add_argument("--track", nargs="+", choices=list(COLUMNS), default=list(COLUMNS))
    parser.add_argument("--beside", nargs="+", help="secrets to run the other methods on (default: all)")
    parser.add_argument(
        "--baselines",
        nargs="*",
        default=[],
        choices=(*KITS_OWN, *GENERIC),
        help="methods to run beside ours",
    )
    parser.add_argument("--untouched", action="store_true", help="also count alarms on untouched panels")
    parser.add_argument("--brief", action="store_true")
    options = parser.parse_args()
    options.beside = options.beside or options.secret
    if unknown := set(options.beside) - set(options.secret):
        parser.error(f"--beside names what --secret does not: {', '.join(sorted(unknown))}")
    options.kit = options.kit.resolve()  # scripts run in the kit's folder
    options.work = options.work.resolve()
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
        with processes():
            run_medium(options, build / medium, options.work / "out" / medium)


def kit(options: argparse.Namespace, script: str, *arguments: str) -> None:
    """Run one script of the kit, its output shown."""
    subprocess.run([options.python, str(options.kit / script), *arguments], check=True, cwd=options.kit)


def run_medium(options: argparse.Namespace, build: Path, out: Path) -> None:
    """Learn the history of a medium once, screen every panel, print the tables of both tracks."""
    began = time.perf_counter()
    learned = learn_history(read_panel(build / "history"))
    print(f"\n{build.name}: learned the history in {time.perf_counter() - began:.0f} s", flush=True)
    panels = [(s, t) for t in options.track for s in options.secret if (build / s / t / "panel").is_dir()]
    for secret, track in panels:
        began = time.perf_counter()
        write_result(screen(read_panel(build / secret / track / "panel"), learned), out / secret / track)
        print(f"{build.name} {secret} {track}: screened in {time.perf_counter() - began:.0f} s", flush=True)
    untouched = build / "untouched"
    if options.untouched and untouched.is_dir():
        earlier = learn_history(read_panel(untouched / "history"))
        write_result(screen(read_panel(untouched / "panel"), earlier), out / "untouched")
    for track in options.track:
        secrets = [s for s, t in panels if t == track]
        if not secrets:
            continue
        print(f"\n## {build.name}, track {track}", flush=True)
        rows = {
            "screen": score(options, build, track, [(out / s / track, s) for s in secrets], out / "untouched")
        }
        if options.baselines and (beside := [s for s in secrets if s in options.beside]) != secrets:
            side_by_side(track, rows)
            secrets = beside
            print(f"\nside by side on {' '.join(secrets)}", flush=True)
            rows = {"screen": score(options, build, track, [(out / s / track, s) for s in secrets], None)}
        for method in options.baselines:
            targets = [out / "baselines" / s / track for s in secrets]
            if not baseline(options, build, track, secrets, targets, method):
                continue
            print(f"\nbaseline {method}", flush=True)
            runs = [(t / method, s) for t, s in zip(targets, secrets, strict=True)]
            rows[method] = score(options, build, track, runs, None)
        side_by_side(track, rows)


def baseline(
    options: argparse.Namespace,
    build: Path,
    track: str,
    secrets: list[str],
    targets: list[Path],
    method: str,
) -> bool:
    """Run one other method on the panels; whether it could be run."""
    own = method in KITS_OWN
    script = "baselines.py" if own else str(Path(__file__).with_name("screening_generic.py").resolve())
    try:
        kit(
            options,
            script,
            *(() if own else ("--kit", str(options.kit.resolve()))),
            "--history",
            str((build / "history").resolve()),
            "--panel",
            *(str((build / s / track / "panel").resolve()) for s in secrets),
            "--out",
            *(str(t.resolve()) for t in targets),
            "--method",
            method,
        )
    except subprocess.CalledProcessError:
        print(f"baseline {method}: could not be run by {options.python} (see above)", flush=True)
        return False
    return all((t / method / "days.csv").is_file() for t in targets)


def side_by_side(track: str, rows: dict[str, dict[str, Any]]) -> None:
    """One row a method: mean and range over the secrets, random first."""
    print(f"\n| method | {' | '.join(COLUMNS[track])} |\n|---|{'---|' * len(COLUMNS[track])}", flush=True)
    random = next(iter(rows.values()))["random"] | {"AUC tamper/fault": (0.5, 0.5, 0.5)}
    for name, found in {
        "random": random,
        **{n: r["screen"] | r["extras"] for n, r in rows.items()},
    }.items():
        cells = (
            "{:.3f} [{:.3f}-{:.3f}]".format(*found[column]) if column in found else ""
            for column in COLUMNS[track]
        )
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def score(
    options: argparse.Namespace, build: Path, track: str, runs: list[tuple[Path, str]], untouched: Path | None
) -> dict[str, Any]:
    """Print the kit's table for some runs and return its numbers."""
    pairs = [f"{folder.resolve()}:{(build / secret / track / 'labels').resolve()}" for folder, secret in runs]
    extra = ["--brief"] if options.brief or untouched is None else []
    if untouched is not None and (untouched / "days.csv").is_file():
        extra += ["--untouched", f"{untouched.resolve()}:{(build / 'untouched/labels').resolve()}"]
    target = (runs[0][0] / "scores.json").resolve()
    kit(options, "score.py", "--track", track, "--run", *pairs, *extra, "--json", str(target))
    numbers: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return numbers


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
