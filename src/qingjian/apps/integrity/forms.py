"""Forms of data integrity."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from qingjian.apps.integrity import words
from qingjian.apps.integrity.models import RuleSet


class ReasonForm(forms.Form):
    """A decision and its reason."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It stays in the history."),
    )


class DismissForm(ReasonForm):
    """Dismiss a clue; the reason is kept and counts for the precision of the rule."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Why it is dismissed"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "Which ordinary explanation holds, and how you know. It counts for the precision of the rule."
        ),
    )


class ReopenForm(ReasonForm):
    """Take a dismissal back; both reasons are kept."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Why the dismissal does not hold"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It stays in the history."),
    )


class RuleSetForm(forms.Form):
    """Settings of a new rule set."""

    budget = forms.FloatField(
        label=_("False alarms a station and month that can be checked"),
        min_value=0.05,
        max_value=10,
        help_text=_(
            "Over all factors of a station. Half as many means fewer clues, and fewer true ones among them."
        ),
    )
    month_share = forms.FloatField(
        label=_("Share of honest months a monthly dossier may reach (%)"), min_value=0.1, max_value=20
    )
    least_days = forms.IntegerField(
        label=_("Shortest stretch that becomes a clue (days)"), min_value=1, max_value=31
    )
    kinds_off = forms.MultipleChoiceField(
        label=_("Kinds that do not become clues"),
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 8}),
        choices=words.kinds,
        help_text=_("Several with the Ctrl key; none means that every kind becomes a clue."),
    )
    faults_as_clues = forms.BooleanField(
        label=_("What looks like instrument trouble becomes a clue"), required=False
    )
    weak_as_clues = forms.BooleanField(label=_("Findings with little history become clues"), required=False)
    precision_floor = forms.FloatField(
        label=_("A rule below this precision is muted (%)"), min_value=0, max_value=100
    )
    least_closed = forms.IntegerField(
        label=_("Closed clues before a rule can be muted"), min_value=1, max_value=1000
    )
    reason = forms.CharField(
        label=_("Reason of the change"), max_length=300, widget=forms.Textarea(attrs={"rows": 2})
    )

    def settings(self) -> dict[str, object]:
        """Return the settings without the reason."""
        return {name: self.cleaned_data[name] for name in RuleSet.SETTINGS}
