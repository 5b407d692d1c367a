"""Words and colours of evaluation for templates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from qingjian.apps.evaluation import air_rules, queries, sheets, words
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.evaluation.sheets import Face
from qingjian.standards.air.local import LocalVerdict
from qingjian.standards.air.statistics import PeriodStatistics
from qingjian.standards.explanation import Text, plain
from qingjian.standards.rounding import legible
from qingjian.ui.templatetags.kit import own_language

register = template.Library()
register.filter("category", words.category)
register.filter("aqi_level", words.level)


@register.filter
def concentration(value: float | None, pollutant: str) -> float | int | None:
    """Show a stored concentration with the decimals of its pollutant."""
    return air_rules.shown(pollutant, value)


@register.filter
def figure(value: Decimal) -> str:
    """Show a mean with as many decimals as a person reads."""
    return plain(legible(value))


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """Look a key up; None when it is absent."""
    return mapping.get(key) if mapping else None


@register.filter
def at(row: Any, place: int) -> Any:
    """Return what stands at a place of a list."""
    return row[place]


@register.filter
def text(said: Text) -> str:
    """Return a sentence of the standards library in the language of the page."""
    return said["en" if (get_language() or "").startswith("en") else "zh"]


@register.filter
def year_state(one: PeriodStatistics | LocalVerdict) -> tuple[Any, str]:
    """Return in a word and a colour how a year stands against limits."""
    return words.state_of_year(one.above, one.judged)


@register.filter
def signed(value: Decimal | int | None) -> str:
    """Write a change with its sign."""
    return "–" if value is None else f"{value:+}"


@register.filter
def percent(value: Decimal | float | None) -> str:
    return "–" if value in (None, "") else f"{value}%"


@register.simple_tag
def water_class(name: str) -> SafeString:
    """Show a class on its colour; the text carries the meaning."""
    return format_html(
        '<span class="qe-class qe-class-{}">{}</span>', words.CLASS_COLOURS.get(name, "0"), name or "–"
    )


@register.simple_tag
def data_label(label: dict[str, str] | None) -> SafeString | str:
    """Show that data are replayed or simulated, with where they come from."""
    if not label:
        return ""
    return format_html(
        '<span class="badge bg-{0}-lt text-{0}-lt-fg" title="{1}">{2}</span>',
        label["colour"],
        own_language(label["notice"]),
        label["text"],
    )


@register.filter
def class_colour(name: str) -> str:
    """Return the number of a class's colour."""
    return words.CLASS_COLOURS.get(name, "0")


@register.filter
def largest(counts: dict[str, int] | None) -> int | str:
    """Return the largest of some counts."""
    return max(counts.values(), default=0) if counts else "–"


@register.filter
def standing_text(name: str) -> Any:
    return words.STANDINGS[name][0]


@register.filter
def standing_colour(name: str) -> str:
    return words.STANDINGS[name][1]


@register.filter
def unlocalized(value: Any) -> str:
    """Write a number as HTML attributes want it."""
    return str(value)


@register.simple_tag
def face(one: Face | None) -> SafeString:
    """Show a result on its colour; the text carries the meaning."""
    if one is None:
        return format_html('<span class="qe-class qe-class-0">–</span>')
    return format_html('<span class="qe-class qe-class-{}">{}</span>', one.level, one.text)


@register.filter
def item_name(name: str) -> str:
    return words.item(name)


@register.filter
def unit_text(unit: str | None) -> str:
    """Return a unit for the page; nothing for figures without one."""
    return words.unit(unit or "")


@register.filter
def items_text(names: list[str] | None) -> str:
    """Join items in the language of the page."""
    return words.items(names or ()) or "–"


@register.filter
def listed(names: str | None) -> str:
    """Write items that are stored with commas between them as a list of the page."""
    return items_text((names or "").split(","))


@register.filter
def responsible(row: Evaluation) -> str:
    return sheets.responsible(row)


@register.filter
def has_face(row: Evaluation) -> bool:
    return row.kind in sheets.FACES


@register.simple_tag
def face_of(row: Evaluation) -> SafeString:
    return face(sheets.face(row))


@register.inclusion_tag("evaluation/failing.html", takes_context=True)
def failing(context: Any, element: str) -> dict[str, Any]:
    """Say how many parts of an element's evaluation an error stopped; nothing where all is well."""
    rows = queries.failures_visible_to(context["request"].user).filter(element=element)
    return {"count": rows.count()}
