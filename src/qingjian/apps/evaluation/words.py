"""What the findings of evaluation are called, and the colours of classes and categories."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from qingjian.apps.observing.words import register_rule
from qingjian.standards.item_names import ITEM_NAMES
from qingjian.standards.words import english

RULE_VERSION = "1"
AMOUNT_RULE = "amount-near-permit"
DOSE_RATE_RULE = "dose-rate-above-history"
TREND_RULE = "trend-towards-limit"
NOISE_RULE = "noise-above-zone"

register_rule(
    "exceedance-hour",
    _("Hourly exceedance of a permit limit"),
    _(
        "The hourly mean passes the limit of the permit; from the first to the last consecutive hour. Hours that carry a mark (maintenance, calibration, fault, stopped) do not count and are listed apart."
    ),
)
register_rule(
    "exceedance-day",
    _("Daily exceedance of a permit limit"),
    _(
        "The daily mean passes the limit of the permit; from the first to the last consecutive day. A day with too few valid hours is not judged."
    ),
)
register_rule(
    "exceedance-month",
    _("Monthly exceedance of a permit limit"),
    _(
        "The mean of a month passes the limit of the permit for months; from the first to the last consecutive month. A month with too few valid hours is not judged. How the mean is made has not been compared with the text of HJ 75 and HJ 356."
    ),
)
register_rule(
    "exceedance-year",
    _("Yearly exceedance of a permit limit"),
    _(
        "The mean of a year passes the limit of the permit for years; from the first to the last consecutive year. A year with too few valid hours is not judged. No clause was found for how the mean is made: it is made as that of a month."
    ),
)
register_rule(
    "exceedance-sample",
    _("Sample of an outlet above its limit"),
    _(
        "A sample or manual measurement passes the limit of the permit or of a standard that applies to the outlet; days with samples in a row are one exceedance. Whether the sample is a mean of the period stands in the report of the laboratory."
    ),
)
register_rule(
    AMOUNT_RULE,
    _("Yearly amount near or above the permit"),
    _(
        "The amount discharged since 1 January has reached the warning share of the permitted yearly amount, passes it, or would pass it at the present rate."
    ),
)

register_rule(
    NOISE_RULE,
    _("Noise above the limit of its zone"),
    _(
        "The level of a whole day or night lies above the limit of the functional zone of the station. Days and nights with too few valid hours are not judged."
    ),
)
WORKED_ON = (
    *("exceedance-hour", "exceedance-day", "exceedance-month", "exceedance-year", "exceedance-sample"),
    *(AMOUNT_RULE, DOSE_RATE_RULE, NOISE_RULE),
)
"""Alerts of these rules are handled as matters with deadlines."""
INPUT_NAMES = {
    "剂量率": "dose rate",
    "本底": "background",
    "居留因子": "occupancy",
    "路段长度": "length of the road",
}
"""English names of inputs that are no items."""
UNITS = {"度": "degrees", "MPN/100mL 或 CFU/100mL": "MPN or CFU/100 mL", "个/L": "1/L"}
register_rule(
    DOSE_RATE_RULE,
    _("Dose rate above the station's own history"),
    _(
        "An hour without rain lies above the mean and three standard deviations of the station's dry hours of the year before. Rain raises the dose rate by itself: hours in rain are told on the page and make no alert."
    ),
)
register_rule(
    TREND_RULE,
    _("Moving towards a limit"),
    _(
        "The newest values are near a limit, move towards it significantly, and would pass it soon if they went on. All three must hold in several periods in a row. Nearness, window and horizon are settings of the rulebook."
    ),
)

VARIANTS = {
    "2018 rule (环办监测〔2018〕19号): limits GB 3095-2012 grade II, equal weights": _(
        "rule of 2018 (环办监测〔2018〕19号): limits of grade II of GB 3095-2012, equal weights"
    ),
    "2026 limits, equal weights (candidate)": _("limits of 2026, equal weights (provisional)"),
    '2026 limits, weights PM2.5=3,NO2=2,O3=2,others=1 (candidate "new algorithm")': _(
        "limits of 2026, weights PM2.5 3, NO2 2, O3 2, others 1 (provisional)"
    ),
    "2031 final limits, equal weights (projection)": _("final limits of 2031, equal weights (projection)"),
}
CLASS_COLOURS = {"Ⅰ": "1", "Ⅱ": "2", "Ⅲ": "3", "Ⅳ": "4", "Ⅴ": "5", "劣Ⅴ": "6"}
CATEGORY_LEVELS = {"优": 1, "良": 2, "轻度污染": 3, "中度污染": 4, "重度污染": 5, "严重污染": 6}
STANDINGS = {
    "within": (_("Within the permit"), "green"),
    "warning": (_("Early warning"), "orange"),
    "exceeded": (_("Above the permit"), "red"),
}


def state_of_year(above: bool, judged: bool) -> tuple[Any, str]:
    """Return how a year stands against its limits, and the colour: only a valid year attains or exceeds."""
    if judged:
        return (_("above"), "red") if above else (_("within"), "green")
    return (
        (_("above the limit, not judged"), "orange")
        if above
        else (_("within the limit, not judged"), "secondary")
    )


def category(name: str) -> str:
    """Return a category or rating: the official word, on English pages its English."""
    if not (get_language() or "").startswith("en"):
        return name
    return english(name).capitalize()


def variant(name: str) -> str:
    """Return the rule of the composite index in the language of the page; one of the office as it was named."""
    return str(VARIANTS.get(name, name))


def item(name: str) -> str:
    """Return an item in the language of the page: symbols stay, Chinese names become English on English pages."""
    if not (get_language() or "").startswith("en"):
        return name
    return ITEM_NAMES.get(name) or INPUT_NAMES.get(name, name)


def unit(name: str) -> str:
    """Return a unit in the language of the page; empty for figures without one."""
    if name == "无量纲":
        return ""
    return UNITS.get(name, name) if (get_language() or "").startswith("en") else name


def items(names: Iterable[str]) -> str:
    """Join items in the language of the page."""
    separator = ", " if (get_language() or "").startswith("en") else "、"
    return separator.join(item(one) for one in names if one)


def level(name: str) -> int:
    """Return 1–6 for a category, 0 when there is none: the class of its colour."""
    return CATEGORY_LEVELS.get(name, 0)
