"""Forms of observation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qingjian.apps.network.forms import ProposalForm
from qingjian.apps.network.registered import Kind
from qingjian.apps.observing import device_commands, words
from qingjian.apps.observing.models import Alert, Mark
from qingjian.contracts.clock import CHINA
from qingjian.hj212.sessions.actions import Timeouts
from qingjian.hj212.sessions.field import MIN_INTERVALS, RTD_INTERVALS

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


SWITCHES = [("", _("leave as it is")), ("on", _("start")), ("off", _("stop"))]


def _on(value: str) -> bool:
    return value == "on"


class CommandForm(forms.Form):
    """A command to a device; what it takes depends on the edition of HJ 212 the device speaks."""

    code = forms.ChoiceField(label=_("Command"))
    start = forms.DateTimeField(label=_("From (history)"), widget=MOMENT, required=False)
    end = forms.DateTimeField(label=_("To (history)"), widget=MOMENT, required=False)
    parameters = forms.CharField(
        label=_("Parameters"),
        required=False,
        max_length=400,
        help_text=_(
            "What the command names behind its number, as NAME=value, e.g. PolId=w01018; separated by blanks."
        ),
    )
    purpose = forms.CharField(
        label=_("Purpose"), max_length=200, help_text=_("Who asked for it and why; it stays in the trail.")
    )

    def __init__(
        self, *args: Any, edition: str, without: frozenset[str] = frozenset(), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.offered = device_commands.offered(edition, without)
        self.withheld = device_commands.withheld(edition, without)
        self.fields["code"].choices = [
            (code, " ".join([one.title, *one.asked])) for code, one in self.offered.items()
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        command = self.offered.get(cleaned.get("code", ""))
        if command is None:
            return cleaned
        try:
            given = device_commands.read_pairs(cleaned.get("parameters", ""))
        except ValueError as error:
            self.add_error("parameters", _("%(part)s is not of the form NAME=value.") % {"part": error})
            return cleaned
        start, end = cleaned.get("start"), cleaned.get("end")
        needs_period = device_commands.TIMES[0] in command.needed
        if command.takes_period and (start or end or needs_period):
            if not start or not end:
                self.add_error("start", _("A history read needs a period."))
            elif end < start:
                self.add_error("end", _("The end must lie after the beginning."))
            else:
                given |= dict(zip(device_commands.TIMES, map(_wire, (start, end)), strict=True))
        wrong = command.unknown(given)
        if wrong:
            self.add_error(
                "parameters", _("This command does not take: %(names)s.") % {"names": ", ".join(wrong)}
            )
        lacking = [name for name in command.lacks(given) if name not in device_commands.TIMES]
        if lacking:
            self.add_error("parameters", _("This command needs: %(names)s.") % {"names": ", ".join(lacking)})
        cleaned["wire"] = given
        return cleaned

    def wire_parameters(self) -> dict[str, str]:
        """Return the fields of the data area, times as the device's clock shows them (UTC+08:00)."""
        return self.cleaned_data["wire"]


def _wire(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y%m%d%H%M%S")


class FirstCommandsForm(forms.Form):
    """What a device is told after its first connection; an empty field leaves the setting of the device alone."""

    prefix = "first"

    over_time = forms.IntegerField(
        label=_("Time-out (s)"),
        min_value=1,
        max_value=99_999,
        required=False,
        help_text=_("OverTime of 1000"),
    )
    resends = forms.IntegerField(
        label=_("Resends"), min_value=0, max_value=99, required=False, help_text=_("ReCount of 1000")
    )
    rtd_interval = forms.IntegerField(
        label=_("Real-time interval (s)"),
        min_value=RTD_INTERVALS.start,
        max_value=RTD_INTERVALS.stop - 1,
        required=False,
        help_text=_("RtdInterval of 1062"),
    )
    min_interval = forms.TypedChoiceField(
        label=_("Minute interval (min)"),
        choices=[("", _("leave as it is")), *((one, one) for one in sorted(MIN_INTERVALS))],
        coerce=int,
        empty_value=None,
        required=False,
        help_text=_("MinInterval of 1064"),
    )
    realtime = forms.TypedChoiceField(
        label=_("Real-time data"), choices=SWITCHES, coerce=_on, empty_value=None, required=False
    )
    status = forms.TypedChoiceField(
        label=_("Running states"), choices=SWITCHES, coerce=_on, empty_value=None, required=False
    )
    purpose = forms.CharField(
        label=_("Purpose"), max_length=200, help_text=_("Who asked for it and why; it stays in the trail.")
    )

    def __init__(self, *args: Any, edition: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._edition = edition
        if edition == "2005":
            del self.fields["min_interval"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if (cleaned.get("over_time") is None) != (cleaned.get("resends") is None):
            self.add_error("resends", _("Time-out and resends are set together."))
        return cleaned

    def commands(self, at: datetime) -> list[tuple[str, dict[str, str]]]:
        """Return the commands with their fields, in the order in which they are to be sent."""
        given = self.cleaned_data
        timeouts = None
        if given["over_time"] is not None:
            timeouts = Timeouts(timedelta(seconds=given["over_time"]), given["resends"])
        return device_commands.first(
            self._edition,
            at,
            timeouts=timeouts,
            rtd_interval=given["rtd_interval"],
            min_interval=given.get("min_interval"),
            realtime=given["realtime"],
            status=given["status"],
        )


class ReadAgainForm(forms.Form):
    """Frames kept of a device that are to be read by today's registry."""

    prefix = "again"

    start = forms.DateTimeField(label=_("Received from"), widget=MOMENT)
    end = forms.DateTimeField(label=_("Received to"), widget=MOMENT)
    purpose = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("What was registered or corrected; it stays in the trail."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("start") and cleaned.get("end") and cleaned["end"] <= cleaned["start"]:
            self.add_error("end", _("The end must lie after the beginning."))
        return cleaned


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
