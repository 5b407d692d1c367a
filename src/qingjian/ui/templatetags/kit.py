"""Small pieces every template uses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField, RadioSelect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

register = template.Library()

CONFIDENCE_COLOURS = {"V": "green", "S": "yellow", "U": "orange"}


@register.simple_tag
def icon(name: str) -> SafeString:
    """Show an icon of the Tabler web font."""
    return format_html('<i class="ti ti-{}" aria-hidden="true"></i>', name)


@register.simple_tag
def base_map() -> SafeString:
    """Tell a map where the base map of this office lies: its tiles, else its PMTiles archive, else GeoJSON."""
    tiles = settings.CONFIGURATION.map_tiles
    packed = not tiles and settings.DATA_FOLDER.base_map_archive.is_file()
    return format_html(
        'data-base="{}" data-tiles="{}" data-archive="{}"',
        reverse("map-base"),
        tiles,
        reverse("map-archive") if packed else "",
    )


@register.simple_tag
def badge(text: Any, colour: str = "secondary") -> SafeString:
    """Show text on a coloured ground; the text carries the meaning, the colour helps."""
    return format_html('<span class="badge bg-{0}-lt text-{0}-lt-fg">{1}</span>', colour, text)


@register.simple_tag
def confidence(mark: str) -> SafeString:
    """Show how far a rule has been confirmed: V full text, S secondary source, U unconfirmed."""
    texts = {
        "V": _("Checked in the full text"),
        "S": _("From a secondary source"),
        "U": _("Not confirmed"),
    }
    colour = CONFIDENCE_COLOURS.get(mark, "secondary")
    return format_html(
        '<span class="badge bg-{0}-lt text-{0}-lt-fg" title="{1}">{2} · {1}</span>',
        colour,
        texts.get(mark, mark),
        mark,
    )


@register.filter
def moment(value: datetime | None) -> str:
    """Show a moment in China time to the second, or a dash."""
    return timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S") if value else "–"


@register.filter
def shown(value: Any) -> str:
    """Show a table cell: dashes for nothing, local times for moments."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


@register.filter
def unbroken(value: Any) -> str:
    """Show a table cell like `shown`; in a narrow column a moment breaks between day and time, never within the day."""
    text = shown(value)
    if not isinstance(value, date):
        return text
    day, _space, time = text.partition(" ")
    return format_html('<span class="text-nowrap">{}</span>{}', day, f" {time}" if time else "")


@register.filter
def own_language(text: str) -> str:
    """Return the reader's half of a text kept in two lines, Chinese above English; any other text as it is."""
    halves = text.split("\n")
    if len(halves) != 2:
        return text
    return halves[1] if (get_language() or "").startswith("en") else halves[0]


@register.filter
def duration(length: timedelta) -> str:
    """Write a length of time in its largest whole unit."""
    seconds = int(length.total_seconds())
    units: tuple[tuple[int, Callable[[int], str]], ...] = (
        (86_400, lambda count: ngettext("%(count)d day", "%(count)d days", count)),
        (3_600, lambda count: ngettext("%(count)d hour", "%(count)d hours", count)),
        (60, lambda count: ngettext("%(count)d minute", "%(count)d minutes", count)),
        (1, lambda count: ngettext("%(count)d second", "%(count)d seconds", count)),
    )
    for unit, texts in units:
        if seconds % unit == 0:
            return texts(seconds // unit) % {"count": seconds // unit}
    return str(length)


@register.simple_tag
def age(value: datetime | None, now: datetime | None) -> str:
    """Say how old something is, in words."""
    if value is None or now is None:
        return _("never")
    seconds = int((now - value).total_seconds())
    if seconds < 60:
        return _("just now")
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return ngettext("%(count)d minute ago", "%(count)d minutes ago", minutes) % {"count": minutes}
    if hours < 48:
        return ngettext("%(count)d hour ago", "%(count)d hours ago", hours) % {"count": hours}
    return ngettext("%(count)d day ago", "%(count)d days ago", days) % {"count": days}


def _radios(field: Any) -> SafeString:
    """Show each choice as a line of its own with its button before it."""
    options = list(field)
    for one in options:
        one.data["attrs"]["class"] = "form-check-input"
    return format_html_join(
        "",
        '<label class="form-check">{}<span class="form-check-label">{}</span></label>',
        ((one.tag(wrap_label=False), one.choice_label) for one in options),
    )


@register.simple_tag
def styled(field: BoundField) -> SafeString:
    """Render a form field with the classes of the page style."""
    widget = field.field.widget
    if isinstance(widget, RadioSelect):
        return _radios(field)
    kind = getattr(widget, "input_type", "")
    classes = (
        "form-check-input" if kind == "checkbox" else "form-select" if kind == "select" else "form-control"
    )
    if field.errors:
        classes += " is-invalid"
    shown: SafeString = field.as_widget(attrs={"class": classes})
    return shown
