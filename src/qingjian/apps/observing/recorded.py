"""What of observation goes into the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.recorded import named
from qingjian.apps.network.registered import Kind, plain
from qingjian.apps.observing import stores
from qingjian.apps.observing.log_books import BOOKS, STRUCK
from qingjian.apps.observing.models import Alert, AlertStep, Clue, Correction, Filing, Mark
from qingjian.apps.records import kinds

SECRET_PARAMETERS = ("PW", "NewPW")


def mark(row: Mark) -> dict[str, Any]:
    return {
        **named("author", row.author),
        "reason": row.reason,
        "point": row.point.code,
        "series": row.series,
        "from": row.start.isoformat(),
        "to": row.end.isoformat(),
        "mark": row.kind,
        "known_at": row.known_at.isoformat(),
        "supersedes": row.supersedes_id,
    }


def correction(row: Correction) -> dict[str, Any]:
    """Return a decided correction: what was asked for and why, and who decided it."""
    return {
        **named("actor", row.decided_by),
        **named("proposed_by", row.author),
        "reason": row.reason,
        "comment": row.comment,
        "point": row.series.point.code,
        "series": row.series.code,
        "statistic": row.statistic,
        "start": row.start.isoformat(),
        "revision": row.revision,
        "before": row.before,
        "after": row.after,
        "at": row.decided_at.isoformat() if row.decided_at else None,
    }


def alert_closed(row: Alert, step: AlertStep) -> dict[str, Any]:
    return {
        **named("actor", step.author),
        "rule": row.rule,
        "subject": row.subject,
        "opened_at": row.opened_at.isoformat(),
        "cause": row.cause,
        "note": step.note,
    }


def clue_decided(row: Clue) -> dict[str, Any]:
    return {
        **named("actor", row.decided_by),
        "rule": row.rule,
        "point": row.point.code,
        "decision": row.state,
        "reason": row.reason,
        "at": row.decided_at.isoformat() if row.decided_at else None,
    }


def command_queued(
    author: Any, mn: str, code: str, parameters: dict[str, str], purpose: str
) -> dict[str, Any]:
    """Return a command as ordered, without any access password in it."""
    return {
        **named("actor", author),
        "mn": mn,
        "command": code,
        "parameters": {
            name: "***" if name in SECRET_PARAMETERS else value for name, value in parameters.items()
        },
        "purpose": purpose,
    }


def filing(row: Filing) -> dict[str, Any]:
    """Return the entries of a log book that were filed at once; what is struck out later is an event of its own."""
    book = BOOKS[row.book]
    rows = book.model._default_manager.filter(filing=row).order_by("pk")
    return {
        **named("actor", row.author),
        "book": row.book,
        "file": row.file_name,
        "at": row.at.isoformat(),
        "rows": [plain(book, one) for one in rows],
    }


def struck(book: Kind, row: Any) -> dict[str, Any]:
    """Return an entry of a log book that was struck out."""
    return {
        **named("actor", row.struck_by),
        "book": book.name,
        "reason": row.struck_reason,
        "at": row.struck_at.isoformat(),
        "row": plain(book, row),
    }


def closing_step(row: Alert) -> AlertStep | None:
    """Return the step by which a person closed an alert."""
    return row.steps.filter(action="closed").exclude(author=None).select_related("author").last()


def _marks(*, withdrawn: bool) -> Any:
    def made() -> list[str]:
        return [str(pk) for pk in Mark.objects.filter(withdrawn=withdrawn).values_list("pk", flat=True)]

    return made


def _reread_mark(*, withdrawn: bool) -> Any:
    def reread(identifier: str) -> dict[str, Any] | None:
        return _reread_marks(withdrawn=withdrawn)([identifier]).get(identifier)

    return reread


def _reread_marks(*, withdrawn: bool) -> Any:
    def reread(identifiers: Sequence[str]) -> dict[str, dict[str, Any]]:
        rows = Mark.objects.select_related("author", "point").filter(pk__in=identifiers, withdrawn=withdrawn)
        return {str(row.pk): mark(row) for row in rows}

    return reread


def _corrections(state: str) -> Any:
    def made() -> list[str]:
        return [str(pk) for pk in Correction.objects.filter(state=state).values_list("pk", flat=True)]

    return made


def _reread_correction(state: str) -> Any:
    def reread(identifier: str) -> dict[str, Any] | None:
        rows = Correction.objects.select_related("author", "decided_by", "series__point")
        row = rows.filter(pk=identifier, state=state).first()
        return correction(row) if row else None

    return reread


def _reread_alert(identifier: str) -> dict[str, Any] | None:
    row = Alert.objects.filter(pk=identifier, state=Alert.State.CLOSED).first()
    step = closing_step(row) if row else None
    return alert_closed(row, step) if row and step else None


def _decided_clues() -> list[str]:
    rows = Clue.objects.exclude(decided_by=None).values_list("pk", flat=True)
    return [str(pk) for pk in rows]


def _reread_clue(identifier: str) -> dict[str, Any] | None:
    row = Clue.objects.select_related("decided_by", "point").filter(pk=identifier).first()
    return clue_decided(row) if row and row.decided_by_id else None


def _reread_command(_identifier: str) -> dict[str, Any]:
    """The command itself stands in the gateway's queue, which forgets old ones; the event is the record."""
    return {}


kinds.register(
    "mark.set",
    _("Mark set"),
    "标记",
    {"author", "reason", "mark"},
    _reread_mark(withdrawn=False),
    _marks(withdrawn=False),
    _reread_marks(withdrawn=False),
)
kinds.register(
    "mark.withdrawn",
    _("Mark taken back"),
    "撤回标记",
    {"author", "reason", "mark"},
    _reread_mark(withdrawn=True),
    _marks(withdrawn=True),
    _reread_marks(withdrawn=True),
)
for _state, _title, _chinese in (
    (Correction.State.APPROVED, _("Correction approved"), "更正批准"),
    (Correction.State.REJECTED, _("Correction rejected"), "更正驳回"),
):
    kinds.register(
        f"correction.{_state}",
        _title,
        _chinese,
        {"actor", "proposed_by", "reason", "series", "start", "before", "after"},
        _reread_correction(_state),
        _corrections(_state),
    )
kinds.register("alert.closed", _("Alert closed"), "报警办结", {"actor", "cause", "note"}, _reread_alert)
kinds.register(
    "clue.decided",
    _("Clue decided"),
    "线索处理决定",
    {"actor", "decision", "reason"},
    _reread_clue,
    _decided_clues,
)
kinds.register(
    "command.queued", _("Command queued"), "反控命令", {"actor", "command", "purpose"}, _reread_command
)


def _filings() -> list[str]:
    return [str(pk) for pk in Filing.objects.values_list("pk", flat=True)]


def _reread_filing(identifier: str) -> dict[str, Any] | None:
    row = Filing.objects.select_related("author").filter(pk=identifier).first()
    return filing(row) if row else None


def _struck(book: Kind) -> Any:
    def made() -> list[str]:
        rows = book.model._default_manager.exclude(struck_at=None)
        return [str(pk) for pk in rows.values_list("pk", flat=True)]

    return made


def _reread_struck(book: Kind) -> Any:
    def reread(identifier: str) -> dict[str, Any] | None:
        row = book.model._default_manager.filter(pk=identifier).exclude(struck_at=None).first()
        return struck(book, row) if row else None

    return reread


kinds.register(
    "log-book.filed",
    _("Log book entries filed"),
    "台账报送",
    {"actor", "book", "rows"},
    _reread_filing,
    _filings,
)
for _book, _kind, _title, _chinese in (
    ("remote-sessions", STRUCK["remote-sessions"], _("Remote session struck out"), "远程访问记录作废"),
    ("software-found", STRUCK["software-found"], _("Software reading struck out"), "软件核验记录作废"),
    ("materials", STRUCK["materials"], _("Material entry struck out"), "物料台账记录作废"),
):
    kinds.register(
        _kind,
        _title,
        _chinese,
        {"actor", "book", "reason", "row"},
        _reread_struck(BOOKS[_book]),
        _struck(BOOKS[_book]),
    )


STORED_LOOKED_AT = 500
"""Newest stored corrections that are compared with the data each night."""


def _stored_corrections() -> Iterator[str]:
    """Return a sentence for each correction whose numbers are no revision of the value it corrected."""
    rows = Correction.objects.select_related("series").filter(stored=True)
    for row in rows.order_by("-pk")[:STORED_LOOKED_AT]:
        history = stores.lake().observation_history(row.series_id, row.statistic, row.start).to_pylist()
        if not any(
            all(one[name] is not None and one[name] == float(text) for name, text in row.after.items())
            for one in history
        ):
            yield f"更正 {row.pk} {row.series.code}：数据与批准的更正不符 / the data do not have the numbers approved"


kinds.register_comparison("corrections", _stored_corrections)
