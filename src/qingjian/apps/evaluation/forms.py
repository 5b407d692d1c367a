"""Forms of evaluation."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from qingjian.apps.evaluation.models import AirEvent
from qingjian.apps.network.models import Series
from qingjian.standards.air.breakpoints import POLLUTANTS

STATISTICS = (
    ("day", _("One sample or value for a day")),
    ("hour", _("Hourly values")),
    ("year", _("One value for a year")),
    ("month", _("One value for a month")),
    ("minute", _("Minute values")),
)


class AirEventForm(forms.Form):
    """An event whose days shall leave the statistics, with the file that shows it."""

    kind = forms.ChoiceField(label=_("Kind"), choices=AirEvent.Kind.choices)
    first = forms.DateField(
        label=_("Event begins on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last = forms.DateField(
        label=_("Event ends on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    pollutants = forms.MultipleChoiceField(
        label=_("Pollutants"),
        required=False,
        choices=[(one, one) for one in POLLUTANTS],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None: those the rule names. Sand dust takes out PM10 and PM2.5 only."),
    )
    approval = forms.CharField(
        label=_("Approving document"),
        max_length=200,
        help_text=_("Number and title. Without it nothing is deducted."),
    )
    reason = forms.CharField(
        label=_("What happened"), max_length=1000, widget=forms.Textarea(attrs={"rows": 3})
    )
    evidence = forms.FileField(label=_("Evidence"), help_text=_("PDF, JPEG or PNG, at most 20 MB."))


class EnterForm(forms.Form):
    """A file of measurements and what the file itself does not say."""

    file = forms.FileField(label=_("File (.csv, .xlsx)"))
    statistic = forms.ChoiceField(
        label=_("The values are"),
        choices=STATISTICS,
        help_text=_("A column named 统计 or statistic in the file goes before."),
    )
    time_names = forms.ChoiceField(
        label=_("The time names"),
        required=False,
        choices=(("start", _("the beginning of the period")), ("end", _("the end of the period"))),
        help_text=_("Tables of air stations often write hour 8 for the hour that ends at 8."),
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
