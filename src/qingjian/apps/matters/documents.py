"""Official forms from Word templates: a sandbox with whitelisted plain values, and the PDF of the result.

The .docx is the document of record; a signature covers exactly its bytes.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import typst
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment, SecurityError

from qingjian.apps.matters import outlines
from qingjian.apps.matters.declarations import DocumentKind
from qingjian.apps.matters.outlines import Block, outline

COMMON_FIELDS: Mapping[str, Promise] = {
    "number": gettext_lazy("Number of the matter"),
    "document_number": gettext_lazy("Number of this document"),
    "title": gettext_lazy("Title"),
    "process": gettext_lazy("Kind of matter"),
    "region": gettext_lazy("Region"),
    "subject": gettext_lazy("Organisation concerned"),
    "point": gettext_lazy("Monitoring point"),
    "opened_at": gettext_lazy("Opened"),
    "opened_by": gettext_lazy("Opened by"),
    "assignee": gettext_lazy("In charge"),
    "made_at": gettext_lazy("Made"),
    "made_by": gettext_lazy("Made by"),
    "body_organisation": gettext_lazy("Organisation of whoever made it"),
    "entries": gettext_lazy("Everything entered so far"),
    "evidence": gettext_lazy("Evidence"),
    "deadlines": gettext_lazy("Deadlines"),
}
"""Values every document has beside those its declaration names."""
LIST_FIELDS: Mapping[str, Mapping[str, Promise]] = {
    "entries": {"title": gettext_lazy("Name of the field"), "value": gettext_lazy("What was entered")},
    "evidence": {
        "number": gettext_lazy("Number"),
        "title": gettext_lazy("What it shows"),
        "kind": gettext_lazy("Kind"),
        "name": gettext_lazy("File name"),
        "digest": gettext_lazy("Digest"),
        "taken_at": gettext_lazy("Taken at"),
    },
    "deadlines": {
        "title": gettext_lazy("Deadline"),
        "due": gettext_lazy("Due"),
        "source": gettext_lazy("Source"),
    },
}
"""Fields that are lists, with the names of what each row has."""
LARGEST_TEMPLATE = 5 * 1024**2
LARGEST_RESULT = 20 * 1024**2
FILTERS = frozenset({"default", "join", "length", "upper", "lower", "trim", "first", "last", "e", "escape"})
OFFICE_SECONDS = 90
FONT_PACKAGE = "pylopdf_fonts_zh_cn"
FONT_FAMILY = "Noto Serif SC"


ALLOWED_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.If,
    nodes.CondExpr,
    nodes.For,
    nodes.Filter,
    nodes.Keyword,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)
"""What a template may be made of: fields, conditions and plain loops. Without names of its own, calls and arithmetic no
template grows beyond its own length times its rows."""
DEEPEST_LOOP = 2


class _Sandbox(ImmutableSandboxedEnvironment):
    """No globals, few filters, no assignments, calls or arithmetic, and no loop that could run without end."""

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=True)
        self.globals.clear()
        self.filters = {name: value for name, value in self.filters.items() if name in FILTERS}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _check_nodes(tree, ())
        return tree


def _check_nodes(node: nodes.Node, loops: tuple[str, ...]) -> None:
    if not isinstance(node, ALLOWED_NODES):
        raise SecurityError(
            _("“%(what)s” is not allowed in a template") % {"what": type(node).__name__.lower()}
        )
    if isinstance(node, nodes.For):
        loops = (*loops, node.iter.name if isinstance(node.iter, nodes.Name) else "")
        nested_over_text = len(loops) > 1 and not set(loops) <= LIST_FIELDS.keys()
        if node.recursive or "" in loops or len(loops) > DEEPEST_LOOP or nested_over_text:
            raise SecurityError(_("a loop runs over one of the lists, at most two inside each other"))
    for child in node.iter_child_nodes():
        _check_nodes(child, loops)


class TemplateRefusedError(ValueError):
    """A template that may not be used; each argument is one sentence."""


def template_problems(content: bytes, kind: DocumentKind) -> list[str]:
    """Return what forbids a file as a template of a document: no Word file, macros, links outside, unknown fields."""
    if len(content) > LARGEST_TEMPLATE:
        return [_("The template is larger than %(size)d MB.") % {"size": LARGEST_TEMPLATE // 1024**2}]
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if "word/document.xml" not in names:
                return [_("This is not a Word document (.docx).")]
            if sum(one.file_size for one in archive.infolist()) > 10 * LARGEST_TEMPLATE:
                return [_("The template unpacks to too much.")]
            if any("vbaproject" in name.lower() or name.startswith("word/embeddings/") for name in names):
                return [_("Macros and embedded objects are not allowed in a template.")]
            for name in names:
                if name.endswith(".rels") and b'TargetMode="External"' in archive.read(name):
                    return [_("A template may not point to anything outside itself.")]
        unseen = outlines.hidden(content)
        template = DocxTemplate(io.BytesIO(content))
        wanted = template.get_undeclared_template_variables(jinja_env=_Sandbox())
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, RuntimeError, NotImplementedError) as error:
        return [_("The file is damaged: %(error)s") % {"error": error}]
    except TemplateError as error:
        return [_("A placeholder is not understood: %(error)s") % {"error": error}]
    if unseen:
        return [
            _("A signer could not see everything. %(problem)s") % {"problem": problem} for problem in unseen
        ]
    allowed = set(COMMON_FIELDS) | set(kind.fields)
    found = [
        _("The field “%(name)s” is not available in this document.") % {"name": name}
        for name in sorted(wanted - allowed)
    ]
    if not found:
        try:
            shown = outlines.text(outline(render(content, sample(kind))))
            if "{{" in shown or "{%" in shown:
                found.append(
                    _("A placeholder stands where it is not filled in: a note, or a text box of a header.")
                )
        except TemplateRefusedError as error:
            found.extend(str(one) for one in error.args)
    return found


def sample(kind: DocumentKind) -> dict[str, Any]:
    """Return made-up values for a preview: each field shows its own title."""
    values: dict[str, Any] = {name: f"〔{title}〕" for name, title in COMMON_FIELDS.items()}
    for name, fields in LIST_FIELDS.items():
        values[name] = [{field: f"〔{title}〕" for field, title in fields.items()}]
    return {**values, **{name: f"〔{title}〕" for name, title in kind.fields.items()}}


def render(template: bytes, values: Mapping[str, Any]) -> bytes:
    """Return the .docx with the values filled in. Values are text, numbers, and lists of dictionaries of these."""
    plain = {name: _plain(value) for name, value in values.items()}
    try:
        document = DocxTemplate(io.BytesIO(template))
        document.render(plain, jinja_env=_Sandbox(), autoescape=True)
        buffer = io.BytesIO()
        document.save(buffer)
    except (TemplateError, SecurityError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise TemplateRefusedError(
            _("The template cannot be filled in: %(error)s") % {"error": error}
        ) from error
    if unseen := outlines.hidden(buffer.getvalue()):
        raise TemplateRefusedError(
            *(_("A signer could not see everything. %(problem)s") % {"problem": one} for one in unseen)
        )
    if buffer.tell() > LARGEST_RESULT:
        raise TemplateRefusedError(_("The document becomes too large."))
    return buffer.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, bool | int | float):
        return value
    # Control characters are not allowed in XML and would make a damaged document.
    return "".join(
        letter for letter in str("" if value is None else value) if letter in "\n\t" or letter >= " "
    )


def pdf(content: bytes) -> bytes:
    """Return a PDF for reading and printing: through LibreOffice when it is there, else set again by Typst.

    Raises OSError when LibreOffice fails, the font package is missing, or it lacks a letter of the document.
    """
    office = office_program()
    return _by_office(office, content) if office else _by_typst(content)


def office_program() -> str | None:
    """Return the path of LibreOffice; None where it is not installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def _by_office(office: str, content: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "document.docx"
        source.write_bytes(content)
        command = [
            office,
            "--headless",
            "--norestore",
            f"-env:UserInstallation=file://{folder}/profile",
            "--convert-to",
            "pdf",
            "--outdir",
            folder,
            str(source),
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=OFFICE_SECONDS)  # noqa: S603 - fixed program, own file
        except subprocess.SubprocessError as error:
            raise OSError(
                _("LibreOffice could not convert the document: %(error)s") % {"error": error}
            ) from error
        return (Path(folder) / "document.pdf").read_bytes()


def font_folder() -> Path:
    """Return the folder of the bundled open Chinese font. Raises OSError when the package is not installed."""
    try:
        return Path(str(resources.files(FONT_PACKAGE)))
    except ModuleNotFoundError as error:
        raise OSError(_("the font package %(name)s is not installed") % {"name": FONT_PACKAGE}) from error


def missing_glyphs(text: str) -> set[str]:
    """Return the characters of a text that the bundled font cannot draw."""
    from PIL import ImageFont

    font = ImageFont.truetype(str(font_folder() / "NotoSerifSC-Regular.otf"), 20)
    nothing = bytes(font.getmask("\U000fffff"))
    return {letter for letter in set(text) if not letter.isspace() and bytes(font.getmask(letter)) == nothing}


def _by_typst(content: bytes) -> bytes:
    fonts = font_folder()
    if missing := missing_glyphs(outlines.text(outline(content))):
        raise OSError(
            _("the bundled font cannot draw: %(letters)s") % {"letters": " ".join(sorted(missing)[:20])}
        )
    source = '#set page(paper: "a4", margin: (x: 2.6cm, y: 2.8cm), numbering: "1")\n'
    source += f'#set text(font: "{FONT_FAMILY}", size: 12pt, lang: "zh", fallback: false)\n#set par(leading: 0.9em)\n'
    source += "\n".join(_block(one) for one in outline(content))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "document.typ"
        path.write_text(source, encoding="utf-8")
        try:
            return bytes(
                typst.compile(str(path), root=folder, font_paths=[str(fonts)], ignore_system_fonts=True)
            )
        except RuntimeError as error:
            raise OSError(_("the document could not be set: %(error)s") % {"error": error}) from error


def _quoted(text: str) -> str:
    """Return text as a Typst string: nothing in it is taken for a command."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "    ")
    return f'#text("{escaped}")'


def _block(block: Block) -> str:
    """Return one block of an outline as Typst."""
    if "part" in block:
        return f"#v(0.6em)#text(size: 8pt, fill: gray)[{_quoted(block['part'])}]\n"
    if "rows" in block:
        return _table(block)
    pieces = [(_quoted(piece), bold) for piece, bold in block["runs"] if piece]
    body = "".join(f'#text(weight: "bold")[{piece}]' if bold else piece for piece, bold in pieces)
    if not body:
        return "#v(0.6em)"
    if block["heading"]:
        return f"#align(center)[#text(size: 18pt)[{body}]]\n#v(0.4em)"
    return f"#align({block['side']})[{body}]\n" if block["side"] else f"{body}\n"


def _table(block: Block) -> str:
    cells = []
    for row in block["rows"]:
        for cell in row:
            body = "\n\n".join(_block(one) for one in cell["blocks"])
            cells.append(f"table.cell(colspan: {cell['span']})[{body}]")
        # A row with fewer cells than the table has columns would draw the next row into itself.
        cells.extend("[]" for _place in range(block["columns"] - sum(one["span"] for one in row)))
    return f"#table(columns: {max(block['columns'], 1)}, inset: 6pt, {', '.join(cells)})\n"
