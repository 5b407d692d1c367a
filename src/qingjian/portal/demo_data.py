"""The open page that names where the replayed data of a demo node come from, with their licences and what was changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe


@dataclass(slots=True)
class Block:
    """One part of the text: `kind` is heading, items, text or licence (which keeps its lines)."""

    kind: str
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip("\n")


@require_safe
def demo_data(request: HttpRequest) -> HttpResponse:
    if not settings.CONFIGURATION.demo:
        raise Http404
    from qingjian.simulator.demo import attribution

    return render(
        request,
        "portal/demo_data.html",
        {"title": _("Sources and licences of the replayed data"), "blocks": list(blocks(attribution()))},
    )


def blocks(text: str) -> Iterator[Block]:
    """Yield the parts of the packaged text: headings, lists, paragraphs, and licences set in by blanks."""
    last: Block | None = None
    for line in text.splitlines():
        if line.startswith("# "):
            continue  # the page has its own title
        if line.startswith("## "):
            kind, line = "heading", line[3:]
        elif line.startswith("- "):
            kind, line = "items", line[2:]
        elif line.startswith("    ") or (not line and last is not None and last.kind == "licence"):
            kind, line = "licence", line.strip()
        elif not line.strip():
            if last is not None:
                yield last
            last = None
            continue
        else:
            kind = "text"
        if last is not None and last.kind == kind != "heading":
            last.lines.append(line)
            continue
        if last is not None:
            yield last
        last = Block(kind, [line])
    if last is not None:
        yield last
