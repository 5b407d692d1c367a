"""All writes of reports: make a version, sign it off, and what the schedule makes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.models import Region
from qingjian.apps.evaluation import queries as evaluation
from qingjian.apps.matters.services import files
from qingjian.apps.records import services as records
from qingjian.apps.reporting import air, documents, pdfs, queries, recorded, rules, water, workbooks
from qingjian.apps.reporting.content import FORMAT, digest_of, text
from qingjian.apps.reporting.models import Report
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.apps.scheduling.said import sentence
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import clock, now
from qingjian.contracts.periods import DAY, MONTH, QUARTER, YEAR, Period, day_of, period_of

TITLES = {
    ("air", DAY): text("环境空气质量日报", "Ambient air quality, daily report"),
    ("air", MONTH): text("环境空气质量月报", "Ambient air quality, monthly report"),
    ("air", QUARTER): text("环境空气质量季报", "Ambient air quality, quarterly report"),
    ("air", YEAR): text("环境空气质量年报", "Ambient air quality, yearly report"),
    ("water", DAY): text("地表水环境质量日报", "Surface water quality, daily report"),
    ("water", MONTH): text("地表水环境质量月报", "Surface water quality, monthly report"),
    ("water", QUARTER): text("地表水环境质量季报", "Surface water quality, quarterly report"),
    ("water", YEAR): text("地表水环境质量年报", "Surface water quality, yearly report"),
}
SETTLED_AFTER = {
    DAY: timedelta(hours=6),
    MONTH: timedelta(hours=30),
    QUARTER: timedelta(hours=30),
    YEAR: timedelta(hours=54),
}
"""How long after the end of a period the schedule makes its report: time for late data."""
CAUGHT_UP = {DAY: 3, MONTH: 3, QUARTER: 2, YEAR: 1}
"""How many ended periods the schedule makes up for."""
LANGUAGE = "zh"
"""Language of the files of record."""


def content_of(element: str, region: Region, period: Period) -> dict[str, Any] | None:
    """Work out the content of a report from the present results; None when the period has none."""
    book = rulebook()
    period = period.as_known_on(day_of(now()))
    if element == Report.Element.AIR:
        place = evaluation.air_place(region, period.first)
        parts = air.build(place, period, book) if place is not None else None
    else:
        parts = water.build(evaluation.sections_of(region, period.first), region.name, period, book)
    if parts is None:
        return None
    return {
        "format": FORMAT,
        "element": element,
        "span": period.span,
        "title": TITLES[element, period.span],
        "region": {"code": region.code, "name": region.name},
        "period": period.title(),
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "rulebook": book.version,
        "calculation": evaluation.calculation_of(element),
        "notice": _unfinished(period),
        **parts,
    }


def _unfinished(period: Period) -> dict[str, str] | None:
    today = day_of(now())
    if period.last < today:
        return None
    return text(
        f"期间尚未结束：内容截至 {today.isoformat()}，只能作为草稿。",
        f"The period has not ended: what is known on {today.isoformat()}, a draft only.",
    )


def meta_of(report: Report, language: str) -> dict[str, str]:
    """Return what a file says of itself."""
    made_at = report.made_at.astimezone(CHINA)
    schedule = {"zh": "按计划自动生成", "en": "the schedule"}[language]
    return {
        "version": str(report.revision),
        "made": f"{made_at:%Y-%m-%d %H:%M}",
        "by": str(report.made_by) if report.made_by else schedule,
        "confidence": {"V": "V", "S": "S", "U": "U"}[report.confidence],
        "rules": report.rulebook,
        "calculation": str(report.calculation),
        "digest": report.digest,
    }


def file_in(report: Report, kind: str, language: str) -> bytes:
    """Return a file of a report: the stored one in the language of record, else made of the same content.

    A PDF is made each time. Raises OSError when none can be made here.
    """
    if kind == "pdf":
        word = file_in(report, "docx", language)
        return pdfs.build(report.content, meta_of(report, language), word, language)
    if language == LANGUAGE:
        return files.read(report.word if kind == "docx" else report.excel)
    build = documents.build if kind == "docx" else workbooks.build
    return build(report.content, meta_of(report, language), language)


def make(author: Any, element: str, span: str, region: Region, day: date) -> Report:
    """Make a new version of the report of the period a day lies in; ValidationError when there is nothing to report.

    A version whose content is the same as the newest one's is not made again: that one is returned.
    """
    if author is not None:
        rules.require(rules.may_make(author, region))
    period = period_of(span, day)
    if period.first > day_of(now()):
        raise ValidationError(_("The period has not begun."))
    content = content_of(element, region, period)
    if content is None:
        raise ValidationError(_("There is no result in this period to report on."))
    digest = digest_of(content)
    newest = (
        Report.objects.filter(element=element, span=span, region=region, first=period.first)
        .order_by("-revision")
        .first()
    )
    if newest is not None and newest.digest == digest:
        return newest
    report = Report(
        element=element,
        span=span,
        region=region,
        first=period.first,
        last=period.last,
        revision=1 if newest is None else newest.revision + 1,
        content=content,
        digest=digest,
        confidence=content["confidence"],
        rulebook=content["rulebook"],
        calculation=content["calculation"],
        made_at=now(),
        made_by=author,
    )
    meta = meta_of(report, LANGUAGE)
    name = f"{element}-{region.code}-{period.code}-v{report.revision}"
    # Files are written before the transaction: a stop in between leaves files nobody names, never a row without them.
    report.word = files.store_bytes(documents.build(content, meta, LANGUAGE), f"{name}.docx")
    report.excel = files.store_bytes(workbooks.build(content, meta, LANGUAGE), f"{name}.xlsx")
    try:
        with transaction.atomic():
            report.save()
            if author is not None:
                accounts.record(author, "report:made", str(report.pk), {"digest": digest})
    except IntegrityError as error:
        raise ValidationError(_("Somebody is making the same report. Look again in a moment.")) from error
    return report


def sign_off(author: Any, report: Report, remark: str = "") -> Report:
    """Make a draft final: a second person answers for it. Its stored files are read and compared first."""
    rules.require(rules.may_sign(author, report.region))
    if report.made_by_id is not None and author.pk == report.made_by_id:
        raise PermissionDenied(_("Somebody else than the author signs off."))
    if report.last >= day_of(now()):
        raise ValidationError(_("The period has not ended: it can only be a draft."))
    if queries.versions_of(report).filter(revision__gt=report.revision).exists():
        raise ValidationError(_("There is a newer version. Sign that one off."))
    files.read(report.word)
    files.read(report.excel)
    with transaction.atomic():
        changed = Report.objects.filter(pk=report.pk, state=Report.State.DRAFT).update(
            state=Report.State.FINAL, final_at=now(), final_by=author, remark=remark.strip()[:500]
        )
        if not changed:
            raise ValidationError(_("This report is final already."))
        report.refresh_from_db()
        accounts.record(author, "report:final", str(report.pk), {"digest": report.digest})
        records.commit("report.final", report.pk, recorded.report_final(report))
    return report


# -- the schedule ------------------------------------------------------------------------------------------------------


def due(moment: datetime) -> Iterator[tuple[str, str, Region, Period]]:
    """Yield the reports the schedule owes: ended, settled periods without any version, newest first."""
    for element in Report.Element.values:
        if evaluation.catching_up(element):
            continue
        for region in queries.regions(element):
            for span, back in CAUGHT_UP.items():
                period = period_of(span, day_of(moment - SETTLED_AFTER[span])).before()
                for _step in range(back):
                    made = Report.objects.filter(
                        element=element, span=span, region=region, first=period.first
                    )
                    if not made.exists():
                        yield element, span, region, period
                    period = period.before()


def make_due(seconds: float) -> str:
    """Make what is due for about `seconds`; return a sentence for the schedule."""
    begun = clock().monotonic()
    made = empty = 0
    for element, span, region, period in due(now()):
        if clock().monotonic() - begun >= seconds:
            return sentence("%(made)d made, more next time", made=made)
        try:
            make(None, element, span, region, period.first)
            made += 1
        except ValidationError:
            empty += 1
    return sentence("%(made)d made, %(empty)d periods without results", made=made, empty=empty)
