"""The workbook of values: what the table shows and all that stands behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from qingjian.apps.network.models import Series
from qingjian.apps.observing.values import Values
from qingjian.ui.templatetags.kit import own_language


def heads() -> list[str]:
    """Return the head of each column."""
    return [
        _("Time"),
        _("Monitoring point"),
        _("Factor"),
        _("Origin"),
        _("Value"),
        _("Unit"),
        _("Computed by the platform"),
        _("Sent by the device"),
        _("Difference"),
        _("Differs"),
        _("Minimum"),
        _("Maximum"),
        _("Total"),
        _("Converted"),
        _("Mark"),
        _("Status"),
        _("Reason"),
        _("Level"),
        _("Values used"),
        _("Values due"),
        _("Rule"),
        _("Confidence"),
        _("Revision"),
        _("Known at"),
        _("Notice"),
    ]


def lines(values: Values, series: Mapping[int, Series]) -> Iterator[list[Any]]:
    """Return one line per value, by series and time."""
    for row in values.rows(range(len(values))):
        one = series[row["series"]]
        fact = values.described[one.pk].fact
        rule = row["rule"]
        yield [
            row["start"],
            one.point.name,
            str(one.factor),
            one.get_origin_display(),
            row["value"],
            fact.unit,
            row["own"],
            row["sent"],
            row["difference"],
            _("Yes") if row["differs"] else "",
            row["minimum"],
            row["maximum"],
            row["total"],
            row["converted"],
            row["flag"],
            str(row["status"]),
            row["reason"],
            str(row["level"]["text"]),
            row["count"] if row["count"] >= 0 else None,
            row["due"] if row["due"] >= 0 else None,
            f"{rule.citation} ({rule.id})" if rule else "",
            rule.confidence.value if rule else "",
            row["revision"],
            row["known_at"],
            own_language(fact.notice),
        ]
