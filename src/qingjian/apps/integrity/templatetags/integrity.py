"""Words of data integrity for templates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from qingjian.apps.integrity import words
from qingjian.apps.integrity.models import Mute
from qingjian.apps.integrity.precision import Precision, why
from qingjian.apps.integrity.tables import STATE_COLOURS
from qingjian.apps.network import queries as network
from qingjian.apps.observing.log_book_tables import AGAINST
from qingjian.apps.observing.words import rule_title
from qingjian.contracts.clock import CHINA
from qingjian.ui.templatetags import kit
from qingjian.ui.templatetags.kit import badge

register = template.Library()


@register.simple_tag
def kind_name(kind: str) -> str:
    """Return what a kind of falsification is called."""
    return words.kind_title(kind)


@register.simple_tag
def rule_name(rule: str) -> str:
    """Return the title of a finding rule of the pipeline."""
    return rule_title(rule)


@register.simple_tag
def setting_name(name: str) -> str:
    """Return the title of a setting."""
    return network.setting_title(name)


@register.simple_tag
def software_against(row: Any) -> SafeString:
    """Say what software that was found is against the register."""
    text, colour = AGAINST[row.against]
    return badge(text, colour)


@register.filter
def day(value: datetime | None) -> str:
    """Return the natural day of a moment."""
    return value.astimezone(CHINA).date().isoformat() if value else "–"


@register.filter
def own_language(text: str) -> str:
    """Return the half that the person reads of a text in two lines or of a `Chinese / English` sentence; others as they are."""
    if "\n" in (text or ""):
        return kit.own_language(text)
    zh, bar, en = (text or "").partition(" / ")
    return en if bar and words.english() else zh


@register.filter
def score(value: float) -> str:
    """Write a score to five digits, never rounded up to one."""
    return words.score_text(value)


@register.simple_tag
def circumstance(row: Any) -> str:
    """Return the name of an official circumstance."""
    return row.values["summary_en"] if words.english() else row.values["name_zh"]


@register.simple_tag
def mute_reason(muted: Mute) -> str:
    """Return why a rule was muted."""
    return why(muted)


@register.simple_tag
def precision_words(found: Precision) -> SafeString:
    """Say a precision with the number it rests on."""
    if found.share is None:
        return format_html("<p class='mb-1'>{}</p>", _("No clue of this rule and kind is closed yet."))
    text = _("%(confirmed)d of %(closed)d closed clues were confirmed") % {
        "confirmed": found.confirmed,
        "closed": found.closed,
    }
    bounds = _("with 95 %% certainty between %(low).0f %% and %(high).0f %%") % {
        "low": 100 * (found.low or 0),
        "high": 100 * (found.high or 0),
    }
    few = " · " + _("Few closed clues: this says little.") if found.few else ""
    return format_html(
        "<p class='mb-1'><span class='h2'>{} %</span> {}</p><p class='small text-secondary mb-1'>{}{}</p>",
        f"{100 * found.share:.0f}",
        text,
        bounds,
        few,
    )


@register.simple_tag
def precision_short(found: Precision) -> SafeString:
    """Say a precision in a table cell: share, certainty, and whether it rests on few."""
    if found.share is None:
        return format_html("<span class='text-secondary'>{}</span>", _("none closed"))
    few = _("few") if found.few else ""
    return format_html(
        "{} % <span class='text-secondary small text-nowrap'>({}–{} %) {}</span>",
        f"{100 * found.share:.0f}",
        f"{100 * (found.low or 0):.0f}",
        f"{100 * (found.high or 0):.0f}",
        few,
    )


@register.simple_tag
def clue_state(clue: Any) -> SafeString:
    """Say the state of a clue in its colour."""
    return badge(clue.get_state_display(), STATE_COLOURS[clue.state])


@register.simple_tag
def rule_and_kind(row: Any) -> str:
    """Return rule and kind of something that has both."""
    return f"{words.rule_title(row.rule)} · {words.kind_title(row.kind)}"
