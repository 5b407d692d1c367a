"""Forms of accounts."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import Organisation, Post, Region, User

DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
"""Browsers understand this form only, whatever the language of the page."""


class SignInForm(forms.Form):
    username = forms.CharField(
        label=_("Login name"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label=_("Password"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class CodeForm(forms.Form):
    """A code of the authenticator app, or where a recovery code will do, one of those."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "text",
                "autofocus": True,
                "spellcheck": "false",
            }
        ),
        help_text=_("Six digits of the authenticator app, or a recovery code."),
    )


class FirstCodeForm(forms.Form):
    """The first code of a newly set up app."""

    code = forms.CharField(
        label=_("Code shown by the app"),
        max_length=10,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class FirstPasswordForm(forms.Form):
    """A password set by the system administrator for somebody who forgot theirs."""

    password = forms.CharField(
        label=_("First password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Must be changed at the first sign-in."),
    )


class PasswordForm(forms.Form):
    old = forms.CharField(
        label=_("Present password"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    new = forms.CharField(
        label=_("New password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 10 characters."),
    )
    again = forms.CharField(
        label=_("New password again"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("new") != cleaned.get("again"):
            self.add_error("again", _("The two new passwords differ."))
        return cleaned


class TokenForm(forms.Form):
    """A token for a program; the password is asked for so that a page left open makes no lasting key."""

    name = forms.CharField(
        label=_("What the token is for"),
        max_length=60,
        help_text=_("For example the program that reads with it."),
    )
    last_day = forms.DateField(label=_("Last day"), widget=DAY, help_text=_("At most a year from today."))
    password = forms.CharField(
        label=_("Present password"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class UserForm(forms.ModelForm):
    password = forms.CharField(
        label=_("First password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Must be changed at the first sign-in."),
    )

    class Meta:
        model = User
        fields = ("username", "name", "organisation", "email", "phone")

    def __init__(self, *args: object, organisations: object = None, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["organisation"].queryset = (
            organisations if organisations is not None else Organisation.objects.none()
        )


class PostForm(forms.ModelForm):
    class Meta:
        model = Post
        fields = ("role", "organisation", "region", "valid_from", "valid_to")
        widgets = {
            "valid_from": DAY,
            "valid_to": DAY,
        }

    def __init__(self, *args: object, regions: object = None, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["region"].queryset = regions if regions is not None else Region.objects.none()
