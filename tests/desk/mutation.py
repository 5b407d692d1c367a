"""Changing any file of a bundle must make the check fail and name the file, whatever sort of bundle it is."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from typer.testing import CliRunner

from qingjian.cli.ledger import app
from qingjian.notary.verify import verify

PLACES = 5


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Mapping[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def assert_every_change_is_named(files: Mapping[str, bytes], policy: str, folder: Path) -> None:
    """Flip a bit at several places of every file, cut it, lengthen it, leave it out; add a file nobody listed."""
    path = folder / "bundle.zip"
    code, report = verify(zipped(files, path), policy)
    assert (code, report["failures"]) == (0, [])
    for name, content in files.items():
        wrong = [content[:-1], content + b"\n", b""] if content else [b"x"]
        for place in {number * (len(content) - 1) // (PLACES - 1) for number in range(PLACES)} - {-1}:
            wrong.append(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        for one in (one for one in wrong if one != content):
            code, report = verify(zipped({**files, name: one}, path), policy)
            assert code == 1, name
            assert name in {item["file"] for item in report["failures"]}
        code, report = verify(zipped({one: data for one, data in files.items() if one != name}, path), policy)
        assert code == 1, name
    assert verify(zipped({**files, "more.txt": b"x"}, path), policy)[0] == 1
    # The command an outsider calls says the same as the function.
    rules = folder / "policy-of-the-test.txt"
    rules.write_text(policy, encoding="utf-8")
    first = min(files)
    changed = zipped({**files, first: files[first] + b"\n"}, path)
    done = CliRunner().invoke(app, ["verify", str(changed), "--policy", str(rules)])
    assert done.exit_code == 1
    assert first in done.output
