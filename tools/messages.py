"""Texts of the pages: collect them from code and templates, check that all are translated, compile.

    python -m tools.messages update    add new texts to the catalogues, drop those no longer used
    python -m tools.messages compile   write the binary catalogues the pages read
    python -m tools.messages check     fail when a text has no Chinese translation
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "qingjian"
LOCALES = PACKAGE / "locale"
TRANSLATED = "zh_Hans"
KEYWORDS = {"_": None, "gettext": None, "gettext_lazy": None, "ngettext": (1, 2), "ngettext_lazy": (1, 2), "pgettext": ((1, "c"), 2)}
ROOMS = ("apps", "ui", "desk", "portal", "api", "site")


def found() -> Iterator[tuple[str, int, str | tuple[str, ...]]]:
    """Yield (file, line, text or singular and plural) of every text in code and templates."""
    if not settings.configured:
        settings.configure(USE_I18N=True)
    for room in ROOMS:
        for path in sorted((PACKAGE / room).rglob("*")):
            if path.suffix == ".py" and "migrations" not in path.parts:
                source = path.read_bytes()
            elif path.suffix == ".html":
                # Django's own rewriting of a template into something that reads like code.
                source = templatize(path.read_text(encoding="utf-8")).encode()
            else:
                continue
            name = path.relative_to(PACKAGE.parent).as_posix()
            for line, message, _comments, _context in extract("python", io.BytesIO(source), keywords=KEYWORDS):
                yield name, line, message


def catalogue() -> Catalog:
    """Return the catalogue of the texts in use."""
    texts = Catalog(project="qingjian", charset="utf-8")
    for name, _line, message in found():
        texts.add(message, locations=[(name, None)])
    return texts


def _path(locale: str) -> Path:
    return LOCALES / locale / "LC_MESSAGES" / "django.po"


def _read(locale: str) -> Catalog:
    path = _path(locale)
    if not path.exists():
        return Catalog(locale=locale, project="qingjian", charset="utf-8")
    with path.open("rb") as handle:
        return read_po(handle, locale=locale)


def update() -> None:
    """Bring the catalogue up to date with code and templates."""
    known = _read(TRANSLATED)
    known.update(catalogue(), no_fuzzy_matching=True)
    known.obsolete.clear()
    path = _path(TRANSLATED)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as handle:
        write_po(handle, known, width=0, sort_output=True, omit_header=False, ignore_obsolete=True, include_lineno=False)


def missing() -> list[str]:
    """Return the texts in use that have no Chinese translation."""
    known = _read(TRANSLATED)
    gaps = []
    for message in catalogue():
        if not message.id:
            continue
        key = message.id[0] if isinstance(message.id, tuple) else message.id
        stored = known.get(key)
        text = stored.string if stored is not None else ""
        if not (all(text) if isinstance(text, tuple | list) else text):
            gaps.append(key)
    return gaps


def compile_catalogues() -> None:
    """Write the binary catalogues."""
    for path in LOCALES.glob("*/LC_MESSAGES/django.po"):
        with path.open("rb") as handle:
            texts = read_po(handle)
        with path.with_suffix(".mo").open("wb") as handle:
            write_mo(handle, texts)


def main() -> None:
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "update":
        update()
    elif command == "compile":
        compile_catalogues()
    elif command == "check":
        gaps = missing()
        for text in gaps:
            print(text)
        sys.exit(1 if gaps else 0)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
