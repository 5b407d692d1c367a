"""Forms of reports."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import Region
from qingjian.apps.reporting import queries, rules
from qingjian.apps.reporting.models import Report

EARLIEST, LATEST = date(1970, 1, 1), date(2100, 12, 31)


class MakeForm(forms.Form):
    """What report is wanted: any day of its period."""

    element = forms.ChoiceField(label=_("Element"), choices=Report.Element.choices)
    span = forms.ChoiceField(label=_("Kind"), choices=Report.Span.choices, initial=Report.Span.MONTH)
    region = forms.ModelChoiceField(Region.objects.none(), label=_("Region"), empty_label=None)
    day = forms.DateField(
        label=_("Any day of the period"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)],
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = {region.pk for element in Report.Element.values for region in queries.regions(element)}
        allowed = [one.pk for one in Region.objects.filter(pk__in=known) if rules.may_make(user, one)]
        self.fields["region"].queryset = Region.objects.filter(pk__in=allowed).order_by("-code")


class SignForm(forms.Form):
    remark = forms.CharField(label=_("Remark"), max_length=500, required=False)
