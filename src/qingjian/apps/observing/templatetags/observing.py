"""Words of observation for templates."""

from __future__ import annotations

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
