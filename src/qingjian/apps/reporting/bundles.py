"""A report as evidence for outsiders: its content and files as they were signed off, and the event that names them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785

from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.services import files
from qingjian.apps.records import queries as records
from qingjian.apps.records.bundles import collectors
from qingjian.apps.reporting.models import Report
from qingjian.contracts.clock import CHINA
from qingjian.notary.bundle import BundleContent, FileEvidence


def collect(request: Mapping[str, Any]) -> BundleContent:
    """Return everything of `request["report"]`; whoever asks must have checked that the person may see it."""
    report: Report = request["report"]
    content = BundleContent("")
    rows = records.events_about("report.final", [report.pk])
    content.events = [one for one in map(records.evidence, rows) if one is not None]
    place = f"report-{report.pk}"
    _add(content, f"{place}/content.json", "报告内容（规范 JSON）", rfc8785.dumps(report.content))
    left_out = []
    for name, title, row in (
        (f"{place}/report.docx", "报告 Word", report.word),
        (f"{place}/report.xlsx", "报告 Excel", report.excel),
    ):
        try:
            _add(content, name, title, files.read(row))
        except (RefusedError, OSError):
            left_out.append(f"- 文件已损坏或缺失，未包含：{title}，入账的 SHA-256 {row.digest}")
    signed = (
        f"{report.final_by.name} {report.final_at.astimezone(CHINA):%Y-%m-%d %H:%M} 签发"
        if report.final_by and report.final_at
        else "尚未签发"
    )
    content.summary = [
        f"## 报告 {report.first} 至 {report.last}",
        "",
        f"{report.region.name}，{report.content['title']['zh']}，第 {report.revision} 版，{signed}，"
        f"{'已入账' if content.events else '尚未入账'}。",
        *left_out,
        "",
    ]
    return content


def _add(content: BundleContent, name: str, title: str, data: bytes) -> None:
    """Add a file with the event that names its digest, if one does."""
    needle = f'"{hashlib.sha256(data).hexdigest()}"'.encode()
    event = next((place for place, made in enumerate(content.events) if needle in made.canonical), None)
    content.files.append(FileEvidence(name, title, data, event))


collectors.register("report", "报告", collect)
