"""The documents as pages to browse without a network: python -m tools.docs FOLDER

Every Markdown file of the project becomes a page; links between them, and to pictures, keep working.
"""

from __future__ import annotations

import html
import re
import shutil
import sys
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parent.parent
GROUPS = (
    ("", ("README.md", "README.zh-CN.md", "docs/architecture.md", "docs/operating.md", "CONTRIBUTING.md")),
    ("Capabilities", ("docs/*.md",)),
    ("Decisions", ("docs/decisions/*.md",)),
    ("Rooms", ("src/qingjian/*/README.md",)),
    ("More", ("*.md", "bench/**/*.md")),
)
HEADING = re.compile(r"^#\s+(.+)$", re.MULTILINE)
STYLE = """body { margin: 0; font: 16px/1.6 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; color: #1f2937; }
nav { position: fixed; inset: 0 auto 0 0; width: 17rem; overflow: auto; background: #12312d; padding: 1rem; box-sizing: border-box; }
nav a { display: block; color: #d1e7e3; text-decoration: none; padding: .15rem 0; font-size: .9rem; }
nav a[aria-current] { color: #fff; font-weight: 600; } nav h2 { color: #7fa8a1; font-size: .75rem; margin: 1rem 0 .2rem; }
main { margin-left: 17rem; padding: 1.5rem 2rem; max-width: 52rem; } a { color: #0f766e; }
pre { background: #f3f4f6; padding: .75rem; overflow: auto; border-radius: 4px; } code { background: #f3f4f6; }
table { border-collapse: collapse; display: block; overflow: auto; } td, th { border: 1px solid #d1d5db; padding: .3rem .6rem; text-align: left; }
img { max-width: 100%; border: 1px solid #d1d5db; }
@media (max-width: 800px) { nav { position: static; width: auto; } main { margin: 0; padding: 1rem; } }
"""


def documents() -> list[tuple[str, list[Path]]]:
    """Return the documents by group, each once."""
    seen: set[Path] = set()
    groups = []
    for title, patterns in GROUPS:
        paths = [path for pattern in patterns for path in sorted(ROOT.glob(pattern)) if path not in seen]
        seen.update(paths)
        if paths:
            groups.append((title, paths))
    return groups


def title_of(path: Path) -> str:
    found = HEADING.search(path.read_text(encoding="utf-8"))
    return found.group(1).strip() if found else path.name


def address_of(path: Path) -> str:
    """Return where the page of a document stands in the built folder."""
    return path.relative_to(ROOT).with_suffix(".html").as_posix()


def _up(path: Path) -> str:
    return "../" * (len(path.relative_to(ROOT).parts) - 1)


def _links(text: str) -> str:
    return re.sub(r'(href="(?![a-z]+:)[^"#]*)\.md(#[^"]*)?"', r'\1.html\2"', text)


def page(path: Path, groups: list[tuple[str, list[Path]]]) -> str:
    """Return a document as a page."""
    up = _up(path)
    menu = "".join(
        (f"<h2>{html.escape(title)}</h2>" if title else "")
        + "".join(
            f'<a href="{up}{address_of(one)}"{" aria-current=page" if one == path else ""}>{html.escape(title_of(one))}</a>'
            for one in paths
        )
        for title, paths in groups
    )
    body = _links(MarkdownIt("commonmark").enable("table").render(path.read_text(encoding="utf-8")))
    language = "zh-Hans" if path.name.endswith(".zh-CN.md") else "en"
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title_of(path))}</title>"
        f'<link rel="stylesheet" href="{up}style.css"><nav>{menu}</nav><main>{body}</main></html>'
    )


def build(folder: Path) -> Path:
    """Write all pages and pictures; return the first page."""
    groups = documents()
    shutil.rmtree(folder, ignore_errors=True)
    for _title, paths in groups:
        for path in paths:
            target = folder / address_of(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(page(path, groups), encoding="utf-8")
    for picture in ROOT.glob("docs/**/*.png"):
        target = folder / picture.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, target)
    (folder / "style.css").write_text(STYLE, encoding="utf-8")
    return folder / address_of(ROOT / "README.md")


if __name__ == "__main__":
    print(build(Path(sys.argv[1] if len(sys.argv) > 1 else "build/docs")))
