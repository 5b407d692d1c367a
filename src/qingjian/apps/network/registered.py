"""Which rows are under maker-checker, how each is keyed, and which fields a proposal may carry.

One declaration serves proposals, Excel import and template, history and the demo county.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from qingjian.apps.accounts.models import Organisation, Region, RegionPlacement
from qingjian.apps.network import models as registry
from qingjian.contracts.clock import CHINA


@dataclass(frozen=True, slots=True)
class Kind:
    """A registered model: `fields` in the order of the template, `key` fields identify a row."""

    name: str
    model: type[models.Model]
    key: Sequence[str]
    fields: Sequence[str]

    @property
    def title(self) -> str:
        return str(self.model._meta.verbose_name)

    def field_title(self, name: str) -> str:
        return str(self.model._meta.get_field(name).verbose_name)


_DATED = ("valid_from", "valid_to")

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("region", Region, ("code",), ("code", "name", "level")),
        Kind(
            "placement",
            RegionPlacement,
            ("region", "valid_from"),
            ("region", "parent", *_DATED),
        ),
        Kind("organisation", Organisation, ("code",), ("code", "name", "kind", "region", "active")),
        Kind(
            "factor",
            registry.Factor,
            ("code",),
            ("code", "medium", "wire_code", "name_zh", "name_en", "unit", "decimals"),
        ),
        Kind(
            "source",
            registry.Source,
            ("code",),
            (
                "code",
                "name",
                "organisation",
                "region",
                "industry",
                "management",
                "address",
                "longitude",
                "latitude",
                "converted_from",
                "contact",
                "status",
                "notice",
            ),
        ),
        Kind(
            "membership",
            registry.ListMembership,
            ("source", "name", "valid_from"),
            ("source", "name", "document", *_DATED),
        ),
        Kind(
            "permit", registry.Permit, ("number",), ("number", "source", "issuer", "self_monitoring", *_DATED)
        ),
        Kind(
            "outlet",
            registry.Outlet,
            ("code",),
            ("code", "source", "name", "medium", "height_m", "receiving_water"),
        ),
        Kind(
            "limit",
            registry.PermitLimit,
            ("outlet", "factor", "averaging", "valid_from"),
            (
                "outlet",
                "permit",
                "factor",
                "averaging",
                "upper",
                "lower",
                "yearly_amount_t",
                "unit",
                "converted",
                "basis",
                *_DATED,
            ),
        ),
        Kind(
            "facility",
            registry.TreatmentFacility,
            ("code",),
            ("code", "source", "outlet", "name", "kind", "process", *_DATED),
        ),
        Kind(
            "point",
            registry.Point,
            ("code",),
            (
                "code",
                "name",
                "kind",
                "level",
                "region",
                "organisation",
                "outlet",
                "longitude",
                "latitude",
                "converted_from",
                "status",
                "attributes",
                "notice",
                *_DATED,
            ),
        ),
        Kind(
            "duty",
            registry.Duty,
            ("point", "kind", "organisation", "valid_from"),
            ("point", "kind", "organisation", "document", *_DATED),
        ),
        Kind(
            "device",
            registry.Device,
            ("code",),
            (
                "code",
                "mn",
                "password",
                "name",
                "point",
                "system_code",
                "edition",
                "policy",
                "sm4_key_hex",
                "addresses",
                "silence_seconds",
                "clock_tolerance_seconds",
                "synthetic",
                *_DATED,
            ),
        ),
        Kind(
            "instrument",
            registry.Instrument,
            ("code",),
            (
                "code",
                "point",
                "name",
                "manufacturer",
                "model",
                "serial_number",
                "factors",
                "method",
                "certificate",
                "verified_until",
                *_DATED,
            ),
        ),
        Kind(
            "software",
            registry.Software,
            ("device", "instrument", "version", "valid_from"),
            ("device", "instrument", "version", "digest", "document", *_DATED),
        ),
        Kind(
            "series",
            registry.Series,
            ("code",),
            (
                "code",
                "point",
                "factor",
                "origin",
                "position",
                "device",
                "unit",
                "decimals",
                "medium",
                "averaging",
                "flow_series",
                "expected",
                "notice",
                *_DATED,
            ),
        ),
        Kind(
            "route",
            registry.Route,
            ("device", "wire_factor", "valid_from"),
            ("device", "wire_factor", "series", "scale", *_DATED),
        ),
        Kind(
            "setting",
            registry.Setting,
            ("series", "device", "name", "valid_from"),
            ("series", "device", "name", "value", "unit", "origin", *_DATED),
        ),
        Kind(
            "target",
            registry.ForwardTarget,
            ("code",),
            ("code", "name", "host", "port", "devices", "mn", "password", "enabled"),
        ),
    )
}

LARGEST_INTEGER = 2**31 - 1
"""What every database keeps in such a column; SQLite would take more."""
EXACT_NUMBERS = 10**15
"""From here on Excel has replaced the last digits of a number by zeros."""
FIXED_ONCE_SET = {"series": ("point", "factor", "origin", "position", "unit")}
"""Fields that never change after the first approval (DESIGN: the unit belongs to the series and never changes)."""


def reference_key(target: type[models.Model]) -> str:
    """Return the field by which a related row is named in a proposal or a file."""
    return "number" if target is registry.Permit else "code"


def typed(kind: Kind, name: str, value: Any) -> Any:
    """Turn text of a form or file into the value of a field; ValidationError says what is wrong."""
    field = kind.model._meta.get_field(name)
    if isinstance(value, str):
        value = value.strip()
        if "\0" in value:
            raise ValidationError(_("holds a character no text may hold"))
    if value in (None, ""):
        if isinstance(field, models.JSONField):
            return field.get_default()
        if field.has_default():
            return field.get_default()
        if field.null:
            return None
        if getattr(field, "blank", False):
            return ""
        raise ValidationError(_("is required"))
    if isinstance(field, models.ForeignKey):
        if isinstance(value, models.Model):
            return value
        named = field.related_model.objects.filter(**{reference_key(field.related_model): str(value)})
        found = named.order_by("pk").first()
        if found is None:
            raise ValidationError(_("%(value)s is not registered"), params={"value": value})
        return found
    if field.choices and str(value) not in {str(choice) for choice, _label in field.flatchoices}:
        by_label = {str(label): choice for choice, label in field.flatchoices}
        if str(value) not in by_label:
            raise ValidationError(
                _("%(value)s is not one of: %(choices)s"),
                params={
                    "value": value,
                    "choices": ", ".join(str(choice) for choice, _label in field.flatchoices),
                },
            )
        return by_label[str(value)]
    if isinstance(field, models.JSONField):
        return _structure(field, value)
    if isinstance(field, models.DateTimeField):
        return _moment(value)
    if isinstance(field, models.DateField):
        try:
            parsed = value if isinstance(value, date) else parse_date(str(value)[:10])
        except ValueError:
            parsed = None
        if parsed is None:
            raise ValidationError(_("is not a date such as 2026-01-31"))
        return parsed
    if isinstance(field, models.BooleanField):
        text = str(value).lower()
        if text in ("1", "true", "yes", "是"):
            return True
        if text in ("0", "false", "no", "否"):
            return False
        raise ValidationError(_("is not yes or no"))
    if isinstance(field, models.DecimalField):
        try:
            number = Decimal(str(value))
        except InvalidOperation as error:
            raise ValidationError(_("is not a number")) from error
        field.run_validators(number)
        return number
    if isinstance(field, models.CharField) and isinstance(value, int | float):
        if abs(value) >= EXACT_NUMBERS:
            raise ValidationError(
                _(
                    "has more than 15 digits, of which Excel keeps 15: format the column as text and enter it again"
                )
            )
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # Excel keeps 371302 as 371302.0
    try:
        found = field.to_python(value)
    except ValidationError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise ValidationError(_("is not a number")) from error
    if isinstance(field, models.IntegerField) and found is not None and abs(found) > LARGEST_INTEGER:
        raise ValidationError(_("is too large a number"))
    field.run_validators(found)
    return found


def _structure(field: models.JSONField, value: Any) -> Any:
    """A list or mapping, as the field keeps it."""
    if isinstance(field.get_default(), list):
        if not isinstance(value, list):
            raise ValidationError(_("is not a list; separate its parts by commas"))
    elif not isinstance(value, dict):
        raise ValidationError(_('is not of the form {"name": value}'))
    return value


def _moment(value: Any) -> datetime:
    try:
        return _parsed_moment(value)
    except ValueError as error:
        raise ValidationError(_("is not a date such as 2026-01-31")) from error


def _parsed_moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        moment = value
    else:
        text = str(value).strip()
        moment = parse_datetime(text) if len(text) > 10 else None
        if moment is None:
            day = parse_date(text) if len(text) <= 10 else None
            if day is None:
                raise ValidationError(_("is not a date such as 2026-01-31"))
            moment = datetime(day.year, day.month, day.day, tzinfo=CHINA)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=CHINA)
    return moment.astimezone(UTC)


def plain(kind: Kind, row: models.Model) -> dict[str, Any]:
    """Return the fields of a row as JSON values, related rows by their code."""
    found: dict[str, Any] = {}
    for name in kind.fields:
        field = kind.model._meta.get_field(name)
        value = getattr(row, name)
        if isinstance(field, models.ForeignKey):
            value = getattr(value, reference_key(field.related_model)) if value is not None else None
        elif isinstance(value, datetime | date):
            value = value.isoformat()
        elif isinstance(value, Decimal):
            value = format(value.normalize(), "f")
        found[name] = value
    return found


def key_text(kind: Kind, fields: dict[str, Any]) -> str:
    """Return the text key of a row from its plain fields."""
    return "|".join("" if fields.get(name) is None else str(fields[name]) for name in kind.key)


def find(kind: Kind, values: dict[str, Any]) -> models.Model | None:
    """Return the registered row that typed values name, if there is one."""
    # At most one has the key: to order by what the lists are ordered by would cost as much again.
    return kind.model.objects.filter(**{name: values[name] for name in kind.key}).order_by("pk").first()
