"""Forms of the registry."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qingjian.apps.network import registered


class ProposalForm(forms.Form):
    """Fields of one registry row as text, with the reason for the change."""

    def __init__(self, kind: registered.Kind, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in kind.fields:
            field = kind.model._meta.get_field(name)
            label = kind.field_title(name)
            required = not (field.blank or field.null or field.has_default())
            if field.choices:
                choices = list(field.flatchoices) if required else [("", "–"), *field.flatchoices]
                self.fields[name] = forms.ChoiceField(label=label, choices=choices, required=required)
            elif field.is_relation:
                self.fields[name] = forms.CharField(
                    label=_("%(field)s (code)") % {"field": label}, required=required
                )
            else:
                self.fields[name] = forms.CharField(label=label, required=required)
        self.fields["reason"] = forms.CharField(
            label=_("Reason of the change"), max_length=300, widget=forms.Textarea(attrs={"rows": 2})
        )


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
