"""Forms of evidence and receipts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

MOMENT = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class EvidenceForm(forms.Form):
    series = forms.MultipleChoiceField(label=_("Series"), widget=forms.SelectMultiple(attrs={"size": 6}))
    statistic = forms.ChoiceField(
        label=_("Values"),
        choices=(
            ("hour", _("Hours (at most 31 days)")),
            ("minute", _("Minutes (at most 2 days)")),
            ("day", _("Days and samples (at most 92 days)")),
            ("month", _("Months (at most 10 years)")),
            ("year", _("Years (at most 10 years)")),
        ),
    )
    start = forms.DateTimeField(label=_("From"), widget=MOMENT)
    end = forms.DateTimeField(label=_("To (not included)"), widget=MOMENT)

    def __init__(self, *args: Any, series: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["series"].choices = [(one.code, f"{one.factor} · {one.code}") for one in series]


class DayForm(forms.Form):
    """A device and a day, from the address of the page."""

    device = forms.CharField(label=_("Device"), max_length=60, required=False)
    day = forms.DateField(
        label=_("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
