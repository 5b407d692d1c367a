"""Build the wheel and check that what the pages need is in it: python -m tools.wheel FOLDER

The front end and the compiled texts are not in git; a wheel without them would start and show bare pages.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "qingjian"
NEEDED = (
    "qingjian/locale/zh_Hans/LC_MESSAGES/django.mo",
    "qingjian/ui/static/ui/qingjian.css",
    "qingjian/simulator/demo/county.toml",
    "qingjian/notary/verify.py",
)
REFERRED = re.compile(r"""\{% static ['"]([^'"]+)['"] %\}""")


def referred() -> set[str]:
    """Return the static files that templates load, as paths below a `static` folder."""
    return {
        found
        for path in PACKAGE.rglob("templates/**/*.html")
        for found in REFERRED.findall(path.read_text(encoding="utf-8"))
    }


def missing(wheel: Path) -> list[str]:
    """Return what a wheel lacks: named files, files that templates load, templates, packaged data."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    static = {name.partition("/static/")[2] for name in names if "/static/" in name}
    beside = {
        path.relative_to(PACKAGE.parent).as_posix()
        for folder in ("templates", "data", "migrations")
        for path in PACKAGE.rglob(f"{folder}/**/*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return sorted({*NEEDED, *beside} - names) + sorted(referred() - static)


def build(folder: Path) -> Path:
    """Build the wheel into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
            *("--no-index", "--wheel-dir", str(folder.resolve()), str(ROOT)),
        ],
        check=True,
    )
    return max(folder.glob("qingjian-*.whl"), key=lambda path: path.stat().st_mtime)


def main() -> None:
    wheel = build(Path(sys.argv[1] if len(sys.argv) > 1 else "dist"))
    lacking = missing(wheel)
    for name in lacking:
        print(f"missing in {wheel.name}: {name}")
    print(f"{wheel}  {wheel.stat().st_size / 1e6:.1f} MB")
    raise SystemExit(1 if lacking else 0)


if __name__ == "__main__":
    main()
