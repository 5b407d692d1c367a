"""Make, number and keep the documents of a matter; let an office replace the templates."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import override

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.models import Region, User
from qingjian.apps.accounts.roles import ROLES, Capability
from qingjian.apps.matters import documents, rules, wording
from qingjian.apps.matters.declarations import Action, DocumentKind, Process
from qingjian.apps.matters.errors import NotAllowed, RefusedError
from qingjian.apps.matters.models import Document, DocumentTemplate, Matter, StoredFile
from qingjian.apps.matters.services import files
from qingjian.apps.matters.words import OFFICIAL_LANGUAGE
from qingjian.contracts.current import now


@dataclass(frozen=True, slots=True)
class Made:
    """A document rendered and stored as a file, not yet part of the matter."""

    kind: DocumentKind
    number: str
    file: StoredFile
    template_digest: str


def own_template(process: Process, kind: DocumentKind, region_id: int | None) -> DocumentTemplate | None:
    """Return the approved template of the nearest region at or above one, the newest of them; None where none is."""
    above = rules.ancestors(region_id) if region_id is not None else []
    rows = (
        DocumentTemplate.objects.filter(process=process.code, code=kind.code, withdrawn_at=None)
        .exclude(approved_at=None)
        .filter(Q(region__in=above) | Q(region=None))
        .select_related("file")
        .order_by("-approved_at", "-id")
    )
    return min(
        rows,
        key=lambda one: len(above) if one.region_id is None else above.index(one.region_id),
        default=None,
    )


def template_of(process: Process, kind: DocumentKind, region_id: int | None) -> bytes:
    """Return the template used in a region: an office's own, else the packaged one."""
    own = own_template(process, kind, region_id)
    return (
        files.read(own.file)
        if own is not None
        else resources.files("qingjian").joinpath(kind.template).read_bytes()
    )


def prepare(matter: Matter, action: Action, actor: Any, data: Mapping[str, Any]) -> list[Made] | None:
    """Render and store the documents of an action before its transaction; the matter's version guards what they say."""
    if not action.documents:
        return None
    count = matter.documents.count()
    made = []
    for place, code in enumerate(action.documents, start=1):
        kind = matter.declaration.document(code)
        number = f"{matter.number}-{count + place}"
        template = template_of(matter.declaration, kind, matter.region_id)
        with override(OFFICIAL_LANGUAGE):
            values = common_values(matter, data, actor, number)
            values.update(
                dict.fromkeys(kind.fields, "–") | (kind.values(matter, data) if kind.values else {})
            )
            content, problem = _rendered(template, values)
        if problem:
            raise RefusedError(
                "file",
                _("The document “%(title)s” cannot be made: %(error)s")
                % {"title": kind.title, "error": problem},
            )
        made.append(
            Made(
                kind,
                number,
                files.store_bytes(content, "document.docx"),
                hashlib.sha256(template).hexdigest(),
            )
        )
    return made


def _rendered(template: bytes, values: Mapping[str, Any]) -> tuple[bytes, str]:
    try:
        return documents.render(template, values), ""
    except documents.TemplateRefusedError as error:
        return b"", str(error)


def common_values(
    matter: Matter, data: Mapping[str, Any], actor: Any, document_number: str
) -> dict[str, Any]:
    """Return what every template may use."""
    fields = matter.declaration.all_fields()
    wanted = [data[name] for name, one in fields.items() if one.kind == "person" and data.get(name)]
    people = dict(User.objects.filter(pk__in=wanted).values_list("pk", "name"))
    return {
        "number": matter.number,
        "document_number": document_number,
        "title": matter.title,
        "process": str(matter.declaration.title),
        "region": matter.region.name,
        "subject": matter.subject.name if matter.subject else "–",
        "point": matter.point.name if matter.point else "–",
        "opened_at": wording.moment(matter.opened_at),
        "opened_by": matter.opened_by.name if matter.opened_by else str(_("the system")),
        "assignee": matter.assignee.name if matter.assignee else "–",
        "made_at": wording.moment(now()),
        "made_by": actor.name,
        "body_organisation": actor.organisation.name,
        "entries": [
            {"title": str(one.title), "value": wording.value_text(one, data[name], people)}
            for name, one in fields.items()
            if name in data
        ],
        "evidence": [
            {
                "number": str(place),
                "title": one.title,
                "kind": one.get_kind_display(),
                "name": one.name,
                "digest": one.file_id,
                "taken_at": wording.moment(one.taken_at or one.taken_at_in_file),
            }
            for place, one in enumerate(matter.evidence.filter(withdrawn_at=None), start=1)
        ],
        "deadlines": [
            {
                "title": wording.deadline_title(matter.declaration, one.code, one.title),
                "due": wording.moment(one.due),
                "source": wording.deadline_source(matter.declaration, one),
            }
            for one in matter.deadlines.all()
        ],
    }


def keep(matter: Matter, made: Sequence[Made] | None, actor: Any, moment: datetime) -> list[Document]:
    """Make the rendered documents part of the matter; earlier ones of the same kind stay as superseded."""
    kept = []
    with override(OFFICIAL_LANGUAGE):
        titles = {one.kind.code: str(one.kind.title) for one in made or ()}
    for one in made or ():
        matter.documents.filter(code=one.kind.code).update(superseded=True)
        kept.append(
            Document.objects.create(
                matter=matter,
                code=one.kind.code,
                number=one.number,
                title=titles[one.kind.code],
                file=one.file,
                template_digest=one.template_digest,
                made_by=actor,
                made_at=moment,
            )
        )
    return kept


def offering_regions(author: Any) -> list[Region]:
    """Return the regions of the posts in which a person may offer templates."""
    posts = account_rules.posts_on(author)
    held = [one.region for one in posts if Capability.CONFIRM_RULES in ROLES[one.role].capabilities]
    return list({one.pk: one for one in held}.values())


def may_decide(author: Any, row: DocumentTemplate) -> bool:
    """Say whether a person approves matters wherever the template is used."""
    if row.region is None:
        return account_rules.may_everywhere(author, Capability.APPROVE_MATTERS)
    return account_rules.may(author, Capability.APPROVE_MATTERS, region=row.region)


def _require_deciding(author: Any, row: DocumentTemplate) -> None:
    if not may_decide(author, row):
        raise NotAllowed(_("A template is decided on by who approves matters in its region."))


def offer_template(
    author: Any,
    process: Process,
    kind: DocumentKind,
    content: bytes,
    name: str,
    region: Region | None = None,
) -> DocumentTemplate:
    """Take an office's template for its region after all checks; it is used once somebody else has approved it.

    Without a region it is that of the author's first post.
    """
    account_rules.require(author, Capability.CONFIRM_RULES)
    region = region or next(iter(offering_regions(author)))
    account_rules.require(author, Capability.CONFIRM_RULES, region=region)
    wrong = documents.template_problems(content, kind)
    if wrong:
        raise RefusedError("file", wrong)
    file = files.store_bytes(content, name if name.lower().endswith(".docx") else f"{name}.docx")
    with transaction.atomic():
        row = DocumentTemplate.objects.create(
            process=process.code,
            code=kind.code,
            region=region,
            file=file,
            name=name[:200],
            author=author,
            at=now(),
        )
        accounts.record(
            author,
            "matters:template:offered",
            f"{process.code}/{kind.code}",
            {"digest": file.digest, "region": region.code},
        )
    return row


def approve_template(author: Any, row: DocumentTemplate) -> DocumentTemplate:
    """Put a template into use; never by who offered it, nor from another region."""
    _require_deciding(author, row)
    if row.author_id == author.pk:
        raise NotAllowed(_("Nobody approves what they asked for themselves."))
    with transaction.atomic():
        changed = DocumentTemplate.objects.filter(pk=row.pk, approved_at=None, withdrawn_at=None).update(
            approved_by=author, approved_at=now()
        )
        if not changed:
            raise RefusedError("stale", _("The template has been approved or taken out of use already."))
        accounts.record(
            author, "matters:template:approved", f"{row.process}/{row.code}", {"digest": row.file_id}
        )
    row.refresh_from_db()
    return row


def withdraw_template(author: Any, row: DocumentTemplate) -> None:
    """Take a template out of use; the one before it, or the packaged one, is used again. What it made stays."""
    _require_deciding(author, row)
    with transaction.atomic():
        changed = DocumentTemplate.objects.filter(pk=row.pk, withdrawn_at=None).update(
            withdrawn_by=author, withdrawn_at=now()
        )
        if not changed:
            raise RefusedError("stale", _("The template is out of use already."))
        accounts.record(
            author, "matters:template:withdrawn", f"{row.process}/{row.code}", {"digest": row.file_id}
        )
