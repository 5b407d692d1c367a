"""Forms of matters; those of actions are made from the declaration and check the data of every caller."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Organisation, Region, User
from qingjian.apps.matters import rules
from qingjian.apps.matters.declarations import DataField, FieldKind
from qingjian.apps.matters.models import Certificate, Delegation, Evidence, Matter, WebhookTarget
from qingjian.apps.matters.words import CAPTURE_MODES, EVIDENCE_KINDS
from qingjian.contracts.clock import CHINA

TEXT_LENGTH = 300
LONG_TEXT_LENGTH = 20_000
FIRST_DAY = date(2000, 1, 1)
"""Nothing that is entered today happened before it."""
LONGEST_AHEAD_YEARS = 20
LARGEST_NUMBER = 2**53 - 1
"""What every reader of JSON, and the ledger, holds exactly."""


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%d", **kwargs)


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M", **kwargs)


def _between(first: date, last: date | None) -> Callable[[date | datetime], None]:
    """Return a check that a day or moment lies between two days; a mistyped year would count for ever."""
    last = last or date(account_rules.today().year + LONGEST_AHEAD_YEARS, 12, 31)

    def check(value: date | datetime) -> None:
        year_is_sound = first.year <= value.year <= last.year
        day = value.astimezone(CHINA).date() if year_is_sound and isinstance(value, datetime) else value
        if not year_is_sound or not first <= day <= last:
            raise ValidationError(
                _("The day must lie between %(first)s and %(last)s."), params={"first": first, "last": last}
            )

    return check


def _form_field(one: DataField, matter: Matter | None) -> forms.Field:
    common = {"label": one.title, "required": one.required, "help_text": one.help_text}
    match one.kind:
        case FieldKind.LONG_TEXT:
            return forms.CharField(
                max_length=LONG_TEXT_LENGTH, widget=forms.Textarea(attrs={"rows": 4}), **common
            )
        case FieldKind.NUMBER:
            largest = LARGEST_NUMBER if one.maximum is None else one.maximum
            return forms.IntegerField(min_value=one.minimum, max_value=largest, **common)
        case FieldKind.DATE:
            today = account_rules.today()
            last = None if one.future else today
            limits = {"min": FIRST_DAY.isoformat(), **({"max": last.isoformat()} if last else {})}
            return forms.DateField(
                widget=DayInput(attrs=limits), validators=[_between(FIRST_DAY, last)], **common
            )
        case FieldKind.MOMENT:
            return forms.DateTimeField(
                widget=MomentInput(),
                input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%z"],
                validators=[_between(FIRST_DAY, None if one.future else account_rules.today())],
                **common,
            )
        case FieldKind.CHOICE:
            radio = one.required and len(one.choices) <= 4
            # A list says nothing by itself: what nobody chose must not be entered because it stands first.
            return forms.ChoiceField(
                choices=[*one.choices] if radio else [("", "–"), *one.choices],
                widget=forms.RadioSelect if radio else forms.Select,
                **common,
            )
        case FieldKind.YES_NO:
            return forms.BooleanField(**{**common, "required": False})
        case FieldKind.PERSON:
            people = [one.pk for one in rules.handlers(matter)] if matter is not None else []
            return forms.ModelChoiceField(User.objects.filter(pk__in=people), **common)
    return forms.CharField(max_length=TEXT_LENGTH, **common)


def data_form(fields: Iterable[DataField], matter: Matter | None = None) -> type[forms.Form]:
    """Return a form class for declared fields."""
    return type("DataForm", (forms.Form,), {one.name: _form_field(one, matter) for one in fields})


def cleaned(form: forms.Form, fields: Iterable[DataField]) -> dict[str, Any]:
    """Return valid form data as JSON-safe values."""
    found: dict[str, Any] = {}
    for one in fields:
        value = form.cleaned_data.get(one.name)
        if isinstance(value, User):
            value = value.pk
        elif hasattr(value, "isoformat"):
            value = value.isoformat()
        found[one.name] = value
    return found


class MultipleFileInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class MultipleFileField(forms.FileField):
    """Several files of one input, each cleaned like a single one."""

    widget = MultipleFileInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        one = super().clean
        return (
            [one(item, initial) for item in data] if isinstance(data, list | tuple) and data else [one(data)]
        )


class RecorderForm(forms.Form):
    """The files of a law-enforcement recorder, copied from its memory."""

    files = MultipleFileField(
        label=_("Files of the recorder"),
        help_text=_(
            "Choose all at once, unchanged and under the names the recorder gave them: the time is read from them."
        ),
    )
    recorder = forms.CharField(label=_("Recorder number"), max_length=60)
    title = forms.CharField(label=_("What they show"), max_length=180)


class EvidenceForm(forms.Form):
    """A file with what is said about it; what the file itself says is kept beside."""

    file = forms.FileField(
        label=_("File"), help_text=_("Photo, video, sound, PDF, Word, Excel or text; the content is checked.")
    )
    title = forms.CharField(label=_("What it shows"), max_length=200)
    kind = forms.ChoiceField(label=_("Kind"), choices=EVIDENCE_KINDS)
    capture = forms.ChoiceField(label=_("How it came"), choices=CAPTURE_MODES)
    taken_at = forms.DateTimeField(
        label=_("Taken at"),
        required=False,
        widget=MomentInput(),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
    )
    longitude = forms.FloatField(label=_("Longitude (CGCS2000)"), required=False, min_value=73, max_value=136)
    latitude = forms.FloatField(label=_("Latitude (CGCS2000)"), required=False, min_value=3, max_value=54)
    device = forms.CharField(label=_("Taken with"), max_length=120, required=False)
    recorder = forms.CharField(label=_("Recorder number"), max_length=60, required=False)
    replaces = forms.ModelChoiceField(
        Evidence.objects.none(),
        label=_("Replaces withdrawn evidence"),
        required=False,
        help_text=_("The withdrawn piece stays; both are shown together."),
    )

    def __init__(self, *args: Any, matter: Matter, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        withdrawn = matter.evidence.exclude(withdrawn_at=None).filter(replaced_by=None)
        self.fields["replaces"].queryset = withdrawn
        if not withdrawn.exists():
            del self.fields["replaces"]


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))


class NoteForm(forms.Form):
    note = forms.CharField(label=_("Note"), max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))
    shown = forms.BooleanField(
        label=_("The organisation concerned may read it"),
        required=False,
        help_text=_("Otherwise the note stays inside the authority."),
    )

    def __init__(self, *args: Any, may_show: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_show:
            del self.fields["shown"]


class StopForm(forms.Form):
    codes = forms.MultipleChoiceField(
        label=_("Deadlines that shall stop"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("A deadline set by law stops only where the law says so."),
    )
    start = forms.DateTimeField(
        label=_("From"), widget=MomentInput(), input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        help_text=_("E.g. testing, appraisal, hearing; the law must allow taking this time out."),
    )
    document = forms.CharField(label=_("Document"), max_length=200, required=False)

    def __init__(self, *args: Any, running: Sequence[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["codes"].choices = running


class StopDecisionForm(forms.Form):
    note = forms.CharField(label=_("Reason of the decision"), max_length=300)


class SignForm(forms.Form):
    password = forms.CharField(
        label=_("Your password again"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    second_factor_code = forms.CharField(
        label=_("Code of your authenticator app, or a recovery code"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )
    reason = forms.CharField(label=_("Reason, when you refuse"), max_length=300, required=False)

    def __init__(self, *args: Any, second_factor: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not second_factor:
            del self.fields["second_factor_code"]


class OutsiderForm(forms.Form):
    outsider_name = forms.CharField(label=_("Name of the person present"), max_length=60)
    outsider_capacity = forms.CharField(label=_("In what capacity"), max_length=120)
    refused = forms.BooleanField(label=_("The person refuses to sign"), required=False)
    reason = forms.CharField(label=_("Reason, when the person refuses"), max_length=300, required=False)
    drawing = forms.CharField(widget=forms.HiddenInput(), required=False)


class AssignForm(forms.Form):
    person = forms.ModelChoiceField(User.objects.none(), label=_("Person"))
    note = forms.CharField(label=_("Reason"), max_length=300)

    def __init__(self, *args: Any, people: list[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = User.objects.filter(pk__in=[one.pk for one in people])


class LinkForm(forms.Form):
    number = forms.CharField(label=_("Number of the other matter"), max_length=60)
    kind = forms.ChoiceField(
        label=_("How they belong together"),
        choices=(("concerns", _("concerns the same as")), ("merged", _("merged into"))),
    )


class HandOverForm(forms.Form):
    giver = forms.ModelChoiceField(User.objects.none(), label=_("All open work of"))
    receiver = forms.ModelChoiceField(User.objects.none(), label=_("goes to"))
    reason = forms.CharField(label=_("Reason"), max_length=300)

    def __init__(self, *args: Any, givers: Any, receivers: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["giver"].queryset = givers
        self.fields["receiver"].queryset = receivers


class DelegationForm(forms.ModelForm):
    class Meta:
        model = Delegation
        fields = ("person", "deputy", "valid_from", "valid_to", "reason")
        widgets = {"valid_from": DayInput(), "valid_to": DayInput()}

    def __init__(self, *args: Any, people: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("person", "deputy"):
            self.fields[name].queryset = people


class CertificateForm(forms.ModelForm):
    upload = forms.FileField(label=_("Scan"), required=False)

    class Meta:
        model = Certificate
        fields = ("kind", "number", "person", "organisation", "scope", "issuer", "valid_from", "valid_to")
        widgets = {"valid_from": DayInput(), "valid_to": DayInput()}

    def __init__(self, *args: Any, people: Any, organisations: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = people
        self.fields["organisation"].queryset = organisations

    def clean(self) -> dict[str, Any]:
        cleaned_data = super().clean()
        if bool(cleaned_data.get("person")) == bool(cleaned_data.get("organisation")):
            self.add_error("person", _("Name either a person or an organisation."))
        start, end = cleaned_data.get("valid_from"), cleaned_data.get("valid_to")
        if start and end and end < start:
            self.add_error("valid_to", _("The end must lie after the beginning."))
        return cleaned_data


class TemplateForm(forms.Form):
    file = forms.FileField(label=_("Word template (.docx)"))
    region = forms.ModelChoiceField(Region.objects.none(), label=_("Region"), required=False)

    def __init__(self, *args: Any, regions: Iterable[Region], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["region"].queryset = Region.objects.filter(pk__in=[one.pk for one in regions])


class CalendarForm(forms.Form):
    document = forms.CharField(label=_("Number of the notice"), max_length=200)
    file = forms.FileField(label=_("Table of the year (.csv)"))


class WebhookForm(forms.ModelForm):
    address = forms.URLField(label=_("Address"), max_length=300, assume_scheme="https")

    class Meta:
        model = WebhookTarget
        fields = ("name", "address", "secret", "enabled")


class OpeningForm(forms.Form):
    """What every matter needs when it is opened."""

    title = forms.CharField(label=_("Title"), max_length=200)
    subject = forms.ModelChoiceField(
        Organisation.objects.none(), label=_("Organisation concerned"), required=False
    )
    confidentiality = forms.ChoiceField(label=_("Confidentiality"))

    def __init__(
        self, *args: Any, organisations: Any, needs_subject: bool, choices: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["subject"].queryset = organisations
        self.fields["subject"].required = needs_subject
        self.fields["confidentiality"].choices = choices
