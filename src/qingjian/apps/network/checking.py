"""What must hold of a registry row before it is proposed, and again before it comes into force."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from math import isfinite
from string import hexdigits
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Region
from qingjian.apps.network import models, registered
from qingjian.apps.network.coordinates import SYSTEMS
from qingjian.contracts.converting import FLOWS
from qingjian.contracts.directory import owed
from qingjian.hj212.policy import Policy
from qingjian.hj212.profiles import unknown_selectors
from qingjian.lake.numbers import decimal_of
from qingjian.quality import configured
from qingjian.quality.conversion import AIR_OXYGEN_PERCENT
from qingjian.quality.flue_gas import PASCALS, SETTING_NAMES, WORDS
from qingjian.quality.observations import AVERAGING
from qingjian.standards.errors import UnitError
from qingjian.standards.quantity import convert

LARGEST_PORT = 65_535
SHORTEST_SILENCE, LONGEST_SILENCE = 10, 366 * 86_400
"""Seconds; at 0 a device would always be silent."""
SHORTEST_DIGEST = 8
LOWEST_PRESSURE, HIGHEST_PRESSURE = 40_000.0, 110_000.0
"""Pa of the air at the highest places people live at, and of the deepest ones."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One row to add or change: kind name and plain fields (codes for related rows)."""

    kind: str
    fields: dict[str, Any]
    row: int = 0
    """Row in the file it was read from, so that errors name what the person sees; 0 when there is none."""


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with which field of which row: that of the file, else 1 for the first proposal."""

    row: int
    field: str
    message: str


class ProposalError(ValidationError):
    """Row-by-row errors; nothing of the request was stored."""

    def __init__(self, rows: Sequence[RowError]) -> None:
        self.rows = tuple(rows)
        super().__init__([f"{one.row}: {one.field} {one.message}" for one in rows])


class Checked(NamedTuple):
    """A row of a proposal as it would be stored."""

    values: dict[str, Any] | None
    """Typed values of every column; None where something is wrong."""
    existing: Any
    """The registered row it changes, None where it is new."""
    errors: list[RowError]


def check(proposal: Proposal, number: int) -> Checked:
    """Return the typed values of a row and what it changes, or what is wrong with it.

    What a proposal does not name keeps its registered value; what it names and leaves empty is emptied.
    """
    kind = registered.KINDS.get(proposal.kind)
    if kind is None:
        return Checked(None, None, [RowError(number, "kind", _("is not a kind of registry row"))])
    unknown = set(proposal.fields) - set(kind.fields)
    errors = [RowError(number, name, _("is not a column of this table")) for name in sorted(unknown)]
    values: dict[str, Any] = {}
    existing = None

    def read(name: str) -> None:
        try:
            if existing is not None and name not in proposal.fields:
                values[name] = getattr(existing, name)
            else:
                values[name] = registered.typed(kind, name, proposal.fields.get(name))
        except ValidationError as error:
            errors.append(RowError(number, kind.field_title(name), " ".join(error.messages)))

    for name in kind.key:
        read(name)
    if not errors:
        existing = registered.find(kind, values)
    for name in kind.fields:
        if name not in kind.key:
            read(name)
    if errors:
        return Checked(None, existing, errors)
    values = {name: values[name] for name in kind.fields}
    for name, message in _problems(kind, values, existing):
        errors.append(RowError(number, kind.field_title(name), message))
    return Checked(None if errors else values, existing, errors)


def _problems(kind: registered.Kind, values: dict[str, Any], existing: Any) -> list[tuple[str, str]]:
    found = []
    start, end = values.get("valid_from"), values.get("valid_to")
    if start and end and end <= start:
        found.append(("valid_to", _("must lie after the beginning")))
    for name, low, high in (("longitude", 73, 136), ("latitude", 3, 54)):
        if values.get(name) is not None and not low <= values[name] <= high:
            found.append((name, _("lies outside China")))
    if existing is not None:
        found += [
            (name, _("never changes; register a new series instead"))
            for name in registered.FIXED_ONCE_SET.get(kind.name, ())
            if getattr(existing, name) != values[name]
        ]
    if kind.name in _OF_KIND:
        found += _OF_KIND[kind.name](values)
    return found


def _of_device(values: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    for other in models.Device.objects.filter(mn=values["mn"]).exclude(code=values["code"]):
        starts_later = (
            other.valid_to is not None
            and values["valid_from"] is not None
            and values["valid_from"] >= other.valid_to
        )
        ends_before = (
            values["valid_to"] is not None
            and other.valid_from is not None
            and values["valid_to"] <= other.valid_from
        )
        if not (starts_later or ends_before):
            found.append(
                ("mn", _("is already used by device %(code)s at the same time") % {"code": other.code})
            )
    if not SHORTEST_SILENCE <= values["silence_seconds"] <= LONGEST_SILENCE:
        found.append(("silence_seconds", _("must be between 10 seconds and 366 days")))
    key = values["sm4_key_hex"]
    if key and (len(key) != 32 or not all(letter in "0123456789abcdefABCDEF" for letter in key)):
        found.append(("sm4_key_hex", _("must be 32 hexadecimal digits")))
    try:
        policy = Policy.from_json({"edition": values["edition"], **values["policy"]})
        unknown = unknown_selectors(policy.without)
        if unknown:
            raise ValueError(", ".join(unknown))
    except (ValueError, TypeError, KeyError) as error:
        found.append(("policy", _("is not a decoding policy: %(reason)s") % {"reason": error}))
    for network in values["addresses"]:
        try:
            ipaddress.ip_network(str(network))
        except ValueError:
            found.append(
                (
                    "addresses",
                    _("%(value)s is not an address or network such as 10.1.0.0/16") % {"value": network},
                )
            )
    return found


def _of_place(values: dict[str, Any]) -> list[tuple[str, str]]:
    if values["converted_from"] not in SYSTEMS:
        return [("converted_from", _("must be empty (CGCS2000) or GCJ-02"))]
    if values["converted_from"] and (values["longitude"] is None or values["latitude"] is None):
        return [("converted_from", _("says nothing without coordinates"))]
    return []


def _of_series(values: dict[str, Any]) -> list[tuple[str, str]]:
    wrong = values["expected"].keys() - owed(values["expected"]).keys()
    found = []
    if wrong:
        found.append(("expected", _('must name statistics with their seconds, such as {"hour": 3600}')))
    if values["averaging"] not in AVERAGING:
        found.append(("averaging", _("must be one of %(names)s") % {"names": ", ".join(AVERAGING)}))
    place = {name: values[name] for name in ("point", "factor", "origin", "position")}
    other = models.Series.objects.filter(**place).exclude(code=values["code"]).first()
    if other is not None:
        found.append(
            ("position", _("is already that of series %(code)s of this factor") % {"code": other.code})
        )
    return found


def _of_route(values: dict[str, Any]) -> list[tuple[str, str]]:
    try:
        mantissa, _scale = decimal_of(values["scale"])
    except ValueError:
        mantissa = 0
    return [] if mantissa else [("scale", _("must be a number other than 0, such as 0.001"))]


def _of_limit(values: dict[str, Any]) -> list[tuple[str, str]]:
    """A limit must be expressible in the unit of what is measured, else it would judge nothing."""
    if values["factor"].wire_code == models.PH or values["upper"] is values["lower"] is None:
        return []
    measured = models.Series.objects.filter(point__outlet=values["outlet"], factor=values["factor"])
    units = set(measured.values_list("unit", flat=True)) or {values["factor"].unit} - {""}
    for unit in sorted(units):
        try:
            convert(Decimal(1), values["unit"], unit)
        except UnitError:
            return [
                ("unit", _("cannot be expressed in %(unit)s, the unit of the measurements") % {"unit": unit})
            ]
    return []


def _of_target(values: dict[str, Any]) -> list[tuple[str, str]]:
    if not 1 <= values["port"] <= LARGEST_PORT:
        return [("port", _("must lie between 1 and 65535"))]
    wanted = values["devices"]
    if not isinstance(wanted, list) or not all(isinstance(one, str) and one for one in wanted):
        return [("devices", _("must be a list of MNs, of region:code, or *"))]
    codes = {one.removeprefix(models.REGION) for one in wanted if one.startswith(models.REGION)}
    if unknown := sorted(codes - set(Region.objects.filter(code__in=codes).values_list("code", flat=True))):
        return [("devices", _("unknown region: %(codes)s") % {"codes": ", ".join(unknown)})]
    return []


def _of_setting(values: dict[str, Any]) -> list[tuple[str, str]]:
    if (values["series"] is None) is (values["device"] is None):
        return [("series", _("name either a series or a device"))]
    name, text = values["name"], values["value"].strip()
    if wrong := _useless(values, name, text):
        return wrong
    of_series = name in SETTING_NAMES and name != "atmospheric_pressure"
    if of_series and values["series"] is None:
        return [("series", _("this setting belongs to a series"))]
    if name in WORDS and text.lower() not in WORDS[name]:
        return [("value", _("must be one of: %(words)s") % {"words": ", ".join(WORDS[name])})]
    if name == "reference_oxygen" and not 0 <= _number(text) < AIR_OXYGEN_PERCENT:
        return [("value", _("must be a percentage from 0 to below 21"))]
    if (
        name == "reference_oxygen"
        and values["series"] is not None
        and values["series"].factor.wire_code in FLOWS
    ):
        return [("name", _("belongs to a concentration: a flow is not referred to oxygen"))]
    if name == "atmospheric_pressure":
        if values["unit"] not in PASCALS:
            return [("unit", _("must be one of: %(words)s") % {"words": ", ".join(filter(None, PASCALS))})]
        if not LOWEST_PRESSURE <= _number(text) * PASCALS[values["unit"]] <= HIGHEST_PRESSURE:
            return [("value", _("is no pressure of the air: 40 to 110 kPa"))]
    return []


NUMERIC = (
    "slope",
    "intercept",
    "sampling_cycle",
    "realtime_interval",
    "minute_interval",
    "hour_interval",
    "day_interval",
)
KNOWN_SETTINGS = (*configured.SETTING_NAMES, *SETTING_NAMES, *NUMERIC)
ALIKE = 0.8
"""A name so like a known one is a slip of the pen; other names are the office's own."""


def _useless(values: dict[str, Any], name: str, text: str) -> list[tuple[str, str]]:
    """Return why a setting would be approved and do nothing; one that is registered so already can still be ended."""
    stored = registered.find(registered.KINDS["setting"], values)
    if stored is not None and (stored.value, stored.unit) == (values["value"], values["unit"]):
        return []
    alike = get_close_matches(name, KNOWN_SETTINGS, 1, ALIKE)
    if alike and name not in KNOWN_SETTINGS:
        return [("name", _("is no setting this program knows; is %(name)s meant?") % {"name": alike[0]})]
    if name in NUMERIC and not isfinite(_number(text)):
        return [("value", _("is not a number"))]
    if name not in configured.SETTING_NAMES:
        return []
    if values["series"] is None:
        return [("series", _("this setting belongs to a series"))]
    unit = values["series"].unit
    if name not in configured.COUNTS and values["unit"] not in ("", unit):
        return [("unit", _("must be that of the series: %(unit)s") % {"unit": unit})]
    if configured.number_of(name, configured.Given(text, values["unit"]), unit) is None:
        counted = name in configured.COUNTS
        return [("value", _("must be a number, at least 1") if counted else _("is not a number"))]
    return []


def _of_software(values: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    if (values["device"] is None) is (values["instrument"] is None):
        found.append(("device", _("name either a device or an instrument")))
    if not is_digest(values["digest"]):
        found.append(("digest", _("must be a hash in hexadecimal digits, at least 8 of them")))
    values["digest"] = values["digest"].lower()
    return found


def is_digest(text: str) -> bool:
    """Say whether a text can be a hash as software shows it: hexadecimal, whole bytes, at least four of them."""
    return len(text) >= SHORTEST_DIGEST and len(text) % 2 == 0 and not set(text) - set(hexdigits)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _of_placement(values: dict[str, Any]) -> list[tuple[str, str]]:
    begins, ends = values["valid_from"], values.get("valid_to")
    if account_rules.lies_below(values["parent"].pk, values["region"].pk, begins, ends):
        return [("parent", _("lies below the region itself"))]
    return []


_OF_KIND: dict[str, Callable[[dict[str, Any]], list[tuple[str, str]]]] = {
    "point": _of_place,
    "source": _of_place,
    "device": _of_device,
    "series": _of_series,
    "route": _of_route,
    "limit": _of_limit,
    "target": _of_target,
    "setting": _of_setting,
    "software": _of_software,
    "placement": _of_placement,
}
