"""Forms of observation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qingjian.apps.network.forms import ProposalForm
from qingjian.apps.network.registered import Kind
from qingjian.apps.observing import words
from qingjian.apps.observing.models import Alert, Mark
from qingjian.contracts.clock import CHINA

INPUTS = {"DateTimeField": "datetime-local", "DateField": "date"}
MOMENT = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class MarkForm(forms.Form):
    series = forms.MultipleChoiceField(label=_("Series"), widget=forms.SelectMultiple(attrs={"size": 5}))
    start = forms.DateTimeField(label=_("From"), widget=MOMENT)
    end = forms.DateTimeField(label=_("To (not included)"), widget=MOMENT)
    kind = forms.ChoiceField(label=_("Mark"), choices=Mark.Kind.choices)
    reason = forms.CharField(label=_("Reason"), max_length=300)

    def __init__(self, *args: Any, series: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["series"].choices = [(one.code, f"{one.factor} · {one.code}") for one in series]


class CorrectionForm(forms.Form):
    """The numbers a value has, as they are and as they ought to be."""

    revision = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What shows that the value received is wrong, and where the right one comes from."),
    )

    def __init__(self, *args: Any, numbers: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, title in words.NUMBERS.items():
            if name in numbers:
                self.fields[name] = forms.CharField(
                    label=title,
                    max_length=30,
                    initial=numbers[name],
                    widget=forms.TextInput(attrs={"inputmode": "decimal"}),
                )
        self.order_fields([*numbers, "reason"])

    def numbers(self) -> dict[str, str]:
        """Return the numbers by name, as they were written."""
        return {name: self.cleaned_data[name] for name in words.NUMBERS if name in self.cleaned_data}


class DecisionForm(forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput)
    comment = forms.CharField(
        label=_("Comment"), required=False, max_length=300, widget=forms.Textarea(attrs={"rows": 2})
    )


class AlertForm(forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput)
    note = forms.CharField(
        label=_("Note"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )


class CloseForm(AlertForm):
    cause = forms.ChoiceField(
        label=_("Cause"),
        choices=[
            ("", "–"),
            *((value, label) for value, label in Alert.Cause.choices if value != "heartbeat"),
        ],
    )
    field_order = ("version", "cause", "note")


class CommandForm(forms.Form):
    """A command to a device; history reads take a period."""

    CHOICES = (
        ("1011", _("Read the device's clock (1011)")),
        ("1012", _("Set the device's clock (1012)")),
        ("2011", _("Start real-time data (2011)")),
        ("2012", _("Stop real-time data (2012)")),
        ("2051", _("Read minute history (2051)")),
        ("2061", _("Read hour history (2061)")),
        ("2031", _("Read day history (2031)")),
        ("1061", _("Read the real-time interval (1061)")),
        ("3019", _("Read the instrument's serial number (3019)")),
    )
    HISTORY = ("2051", "2061", "2031")

    code = forms.ChoiceField(label=_("Command"), choices=CHOICES)
    start = forms.DateTimeField(label=_("From (history)"), widget=MOMENT, required=False)
    end = forms.DateTimeField(label=_("To (history)"), widget=MOMENT, required=False)
    purpose = forms.CharField(
        label=_("Purpose"), max_length=200, help_text=_("Who asked for it and why; it stays in the trail.")
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("code") in self.HISTORY:
            if not cleaned.get("start") or not cleaned.get("end"):
                self.add_error("start", _("A history read needs a period."))
            elif cleaned["end"] < cleaned["start"]:
                self.add_error("end", _("The end must lie after the beginning."))
        return cleaned

    def wire_parameters(self) -> dict[str, str]:
        """Return the CP fields, times as the device's clock shows them (UTC+08:00)."""
        if self.cleaned_data["code"] not in self.HISTORY:
            return {}
        written = "%Y%m%d%H%M%S"
        return {
            "BeginTime": self.cleaned_data["start"].astimezone(UTC).astimezone(CHINA).strftime(written),
            "EndTime": self.cleaned_data["end"].astimezone(UTC).astimezone(CHINA).strftime(written),
        }


class LogBookForm(ProposalForm):
    """Fields of one entry of a log book; unlike a change of the registry it needs no reason."""

    def __init__(self, book: Kind, *args: Any, **kwargs: Any) -> None:
        super().__init__(book, *args, **kwargs)
        del self.fields["reason"]
        for name in book.fields:
            kind = book.model._meta.get_field(name).get_internal_type()
            if kind in INPUTS:
                self.fields[name].widget = forms.TextInput(attrs={"type": INPUTS[kind]})


class StrikeForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
