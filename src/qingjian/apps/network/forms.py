"""Forms of the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qingjian.apps.network import registered
from qingjian.apps.network.coordinates import SYSTEMS

MOST_OFFERED = 300
"""A longer list of choices is slower to read than its code is to type."""


class ProposalForm(forms.Form):
    """Fields of one registry row as text, with the reason for the change."""

    def __init__(
        self,
        kind: registered.Kind,
        *args: Any,
        offered: Callable[[registered.Kind], Iterable[Any]] = lambda kind: (),
        **kwargs: Any,
    ) -> None:
        """`offered` gives the rows of a kind that the person may choose for a related field."""
        super().__init__(*args, **kwargs)
        for name in kind.fields:
            field = kind.model._meta.get_field(name)
            label = kind.field_title(name)
            required = not (field.blank or field.null or field.has_default())
            if name == "converted_from":
                self.fields[name] = forms.ChoiceField(
                    label=_("Coordinates given in"),
                    choices=[(system, system or "CGCS2000") for system in SYSTEMS],
                    required=False,
                    help_text=_(
                        "Read from a web map: GCJ-02. They are converted to CGCS2000 when you propose."
                    ),
                )
            elif field.choices:
                choices = list(field.flatchoices) if required else [("", "–"), *field.flatchoices]
                self.fields[name] = forms.ChoiceField(label=label, choices=choices, required=required)
            elif field.is_relation:
                self.fields[name] = self._related(field, label, required, self.initial.get(name), offered)
            else:
                self.fields[name] = forms.CharField(label=label, required=required)
        self.fields["reason"] = forms.CharField(
            label=_("Reason of the change"), max_length=300, widget=forms.Textarea(attrs={"rows": 2})
        )

    @staticmethod
    def _related(
        field: Any,
        label: str,
        required: bool,
        present: Any,
        offered: Callable[[registered.Kind], Iterable[Any]],
    ) -> forms.Field:
        """A choice while the rows fit into a list, else the code as text."""
        kind = next(kind for kind in registered.KINDS.values() if kind.model is field.related_model)
        key = registered.reference_key(field.related_model)
        rows = list(offered(kind)[: MOST_OFFERED + 1])
        if not rows or len(rows) > MOST_OFFERED:
            return forms.CharField(label=_("%(field)s (code)") % {"field": label}, required=required)
        choices = [(getattr(row, key), f"{row} · {getattr(row, key)}") for row in rows]
        if present and present not in dict(choices):
            choices.insert(0, (present, present))
        return forms.ChoiceField(label=label, choices=[("", "–"), *choices], required=required)


class ImportForm(forms.Form):
    """A file of registry rows."""

    kind = forms.ChoiceField(
        label=_("Table"), choices=lambda: [(kind.name, kind.title) for kind in registered.KINDS.values()]
    )
    file = forms.FileField(label=_("File (Excel or CSV)"))
    reason = forms.CharField(label=_("Reason of the change"), max_length=300)


class DecisionForm(forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput)
    comment = forms.CharField(label=_("Comment"), required=False, max_length=300)


class SendAgainForm(forms.Form):
    """From when an upper platform is to get the frames once more."""

    start = forms.DateTimeField(
        label=_("Received from"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    purpose = forms.CharField(label=_("Reason"), max_length=200)
