"""Words of observation for templates."""

from __future__ import annotations

import math

from django import template
from django.utils.safestring import SafeString

from qingjian.apps.observing import words
from qingjian.apps.observing.models import Alert
from qingjian.ui.templatetags.kit import badge

register = template.Library()
register.simple_tag(words.rule_title, name="rule_title")


@register.simple_tag
def severity_badge(alert: Alert) -> SafeString:
    """Show the severity with its colour."""
    return badge(alert.get_severity_display(), words.SEVERITY_COLOURS[alert.severity])


@register.simple_tag
def statistic_title(name: str) -> str:
    """Return what a statistic is called."""
    return str(words.STATISTICS.get(name, name))


@register.simple_tag
def percent(share: float | None) -> str:
    """Show a share as a percentage with one decimal, rounded down so that 100 % means all; a dash for none."""
    return "–" if share is None else f"{math.floor(share * 1000 + 1e-9) / 10:.1f} %"
