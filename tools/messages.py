"""Texts of the pages: collect them from code and templates, check that all are translated, compile.

python -m tools.messages update    add new texts to the catalogues, drop those no longer used
python -m tools.messages compile   write the binary catalogues the pages read
python -m tools.messages check     fail when a text has no Chinese translation
python -m tools.messages merge F   take translations from F: one text, a tab, its Chinese per line
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
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
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "sentence": None,
}
HEADER = "# Chinese texts of 清鉴 Qingjian; kept by `python -m tools.messages update`. Apache-2.0."
# A fixed moment, so that collecting the texts again changes nothing but texts.
WRITTEN = datetime(2026, 11, 21, tzinfo=UTC)
ROOMS = ("apps", "ui", "desk", "portal", "api", "site")


@cache
def collected() -> tuple[tuple[str, str | None, str | tuple[str, ...]], ...]:
    """Return what `found` yields; code and templates stay as they are while a command or the tests of the texts run."""
    return tuple(found())


def found() -> Iterator[tuple[str, str | None, str | tuple[str, ...]]]:
    """Yield (file, context, text or singular and plural) of every text in code and templates."""
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
            for _line, message, _comments, context in extract(
                "python", io.BytesIO(source), keywords=KEYWORDS
            ):
                yield name, context, message


def catalogue() -> Catalog:
    """Return the catalogue of the texts in use."""
    texts = _empty(None)
    for name, context, message in collected():
        texts.add(message, locations=[(name, None)], context=context)
    return texts


def _empty(locale: str | None) -> Catalog:
    return Catalog(
        locale=locale,
        project="qingjian",
        version="0",
        header_comment=HEADER,
        msgid_bugs_address="CONTRIBUTING.md",
        creation_date=WRITTEN,
        revision_date=WRITTEN,
        last_translator="Qingjian",
        language_team="Qingjian",
        charset="utf-8",
        fuzzy=False,
    )


def _path(locale: str) -> Path:
    return LOCALES / locale / "LC_MESSAGES" / "django.po"


def stored(locale: str = TRANSLATED) -> Catalog:
    """Return the catalogue as it is kept in the repository."""
    texts = _empty(locale)
    path = _path(locale)
    if path.exists():
        with path.open("rb") as handle:
            for message in read_po(handle, locale=locale):
                if message.id:
                    texts[message.id] = message
    return texts


def _write(texts: Catalog) -> None:
    path = _path(TRANSLATED)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as handle:
        write_po(handle, texts, width=0, sort_output=True, ignore_obsolete=True, include_lineno=False)


def update() -> None:
    """Bring the catalogue up to date with code and templates."""
    known = stored()
    known.update(catalogue(), no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    known.obsolete.clear()
    _write(known)


def merge(path: Path) -> list[str]:
    """Take translations from a tab-separated file; return its texts that no page uses."""
    known = stored()
    unused = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text, tab, chinese = line.partition("\t")
        if not tab or not chinese.strip():
            continue
        message = known.get(text)
        if message is None:
            unused.append(text)
        else:
            message.string = (chinese,) if message.pluralizable else chinese
            message.flags.discard("fuzzy")
    _write(known)
    return unused


def missing() -> list[str]:
    """Return the texts in use that have no Chinese translation, or a doubtful one, which is not compiled."""
    known = stored()
    gaps = []
    for message in catalogue():
        if not message.id:
            continue
        singular = message.id[0] if message.pluralizable else message.id
        found_message = known.get(singular, message.context)
        text = found_message.string if found_message is not None else ""
        doubtful = found_message is not None and found_message.fuzzy
        if not text or doubtful or (isinstance(text, tuple | list) and not all(text)):
            gaps.append(singular)
    return gaps


def compile_catalogues() -> None:
    """Write the binary catalogues that are older than their texts."""
    for path in LOCALES.glob("*/LC_MESSAGES/django.po"):
        binary = path.with_suffix(".mo")
        if binary.exists() and binary.stat().st_mtime_ns > path.stat().st_mtime_ns:
            continue
        with path.open("rb") as handle:
            texts = read_po(handle)
        # Several test processes may do this at once; each renames a whole file into place.
        written = binary.with_name(f"{binary.name}.{os.getpid()}")
        with written.open("wb") as handle:
            write_mo(handle, texts)
        written.replace(binary)


def main() -> None:
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "update":
        update()
    elif command == "merge" and len(sys.argv) == 3:
        for text in merge(Path(sys.argv[2])):
            print("no page uses:", text)
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
