"""Forms of evaluation."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from qingjian.apps.network.models import Series

STATISTICS = (
    ("day", _("One sample or value for a day")),
    ("hour", _("Hourly values")),
    ("year", _("One value for a year")),
    ("month", _("One value for a month")),
    ("minute", _("Minute values")),
)


class EnterForm(forms.Form):
    """A file of measurements and what the file itself does not say."""

    file = forms.FileField(label=_("File (.csv, .xlsx)"))
    statistic = forms.ChoiceField(
        label=_("The values are"),
        choices=STATISTICS,
        help_text=_("A column named 统计 or statistic in the file goes before."),
    )
    origin = forms.ChoiceField(
        label=_("Origin of the series"),
        required=False,
        choices=(("", _("the only series there is")), *Series.Origin.choices),
        help_text=_("Needed only where a point has several series of one factor."),
    )
    point = forms.CharField(
        label=_("Point code"),
        required=False,
        max_length=40,
        help_text=_("For files that do not name the point."),
    )
    partly = forms.BooleanField(label=_("Store the right rows even if others are wrong"), required=False)
