"""The sheet of signatures a document waits for: opened with the document, signed in order (`signing`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qingjian.apps.matters.declarations import SheetKind
from qingjian.apps.matters.models import Document, Matter, SignSheet


def open_sheet(matter: Matter, kind: SheetKind, made: Sequence[Document], moment: datetime) -> SignSheet:
    """Open the signatures of a document just made; an earlier open sheet is replaced."""
    document = next(one for one in made if one.code == kind.document)
    matter.sheets.filter(code=kind.code, state=SignSheet.State.OPEN).update(state=SignSheet.State.DROPPED)
    sheet = SignSheet.objects.create(
        matter=matter, code=kind.code, document=document, digest=document.file_id, opened_at=moment
    )
    matter.waiting = waits(kind, 0, matter)
    return sheet


def drop_left_behind(matter: Matter) -> None:
    """Drop the open sheets whose signatures lead nowhere from the state the matter has come to."""
    for sheet in matter.sheets.filter(state=SignSheet.State.OPEN):
        kind = matter.declaration.sheet(sheet.code)
        if matter.state not in matter.declaration.action(kind.completes).sources:
            SignSheet.objects.filter(pk=sheet.pk).update(state=SignSheet.State.DROPPED)


def waits(kind: SheetKind, index: int, matter: Matter) -> str:
    """Return for whom a matter waits while the signature at a place of the order is missing."""
    who = kind.signers[index].who
    return "assignee" if who.assignee_only and matter.assignee_id else who.capability.value
