"""What the value of each setting (`evaluation_parameters`) may be: so that what a person types is refused, and not met later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from qingjian.standards.explanation import Text
from qingjian.standards.surface_water.items import ASSESSED, REPORTED_APART

_ITEMS_OF_WATER = (*ASSESSED, *REPORTED_APART, "T")


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `low` to `high`; `whole`: no fraction; `above` and `below`: the bound itself is no value."""

    low: str = "0"
    high: str = ""
    whole: bool = False
    above: bool = False
    below: bool = False

    def problem(self, text: str) -> Text | None:
        """Say what a value should be; None where it is that."""
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        if self.whole and not (text.isascii() and text.isdigit()):  # read by `int`, which takes no 2.0
            number = Decimal("NaN")
        low, high = Decimal(self.low), Decimal(self.high or "Infinity")
        fits = number.is_finite() and low <= number <= high
        fits = fits and not (self.above and number == low) and not (self.below and number == high)
        if fits:
            return None
        kind, kind_en = ("整数", "a whole number") if self.whole else ("数", "a number")
        start, start_en = ("大于", "above") if self.above else ("不小于", "not below")
        end, end_en = ("小于", "below") if self.below else ("不大于", "not above")
        upper, upper_en = (f"、{end} {self.high}", f" and {end_en} {self.high}") if self.high else ("", "")
        return Text(
            f"应为{start} {self.low}{upper} 的{kind}，不能是 {text}",
            f"is {kind_en} {start_en} {self.low}{upper_en}, not {text}",
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    allowed: tuple[str, ...]

    def problem(self, text: str) -> Text | None:
        """Say what a value may be; None where it is that."""
        if text in self.allowed:
            return None
        listing = " / ".join(self.allowed)
        return Text(f"只能是 {listing}，不能是 {text}", f"is {listing}, not {text}")


@dataclass(frozen=True, slots=True)
class Items:
    """Symbols of items, separated by spaces, each once."""

    known: tuple[str, ...]

    def problem(self, text: str) -> Text | None:
        """Say which items there are; None where a text lists some of them."""
        given = text.split()
        if given and set(given) <= set(self.known) and len(given) == len(set(given)):
            return None
        listing = " ".join(self.known)
        return Text(
            f"应为以空格分开的项目符号（可用 {listing}），不能是 {text}",
            f"lists symbols of items separated by spaces (known: {listing}), not {text}",
        )


Kind = Number | Choice | Items
_SHARE = Number(high="1")
_PERCENT = Number(high="100")
_PERCENT_ABOVE = Number("1", "100")
"""A share in percent: 0.75 is a share of one that somebody took for it."""
_ABOVE = Number(above=True)
_DECIMALS = Number(high="6", whole=True)
_COUNT = Number("1", "100", whole=True)
_HOURS = Number("1", "24", whole=True)
_DAYS_OF_EVENTS = Choice(("remaining", "left out"))

KINDS: Mapping[tuple[str, str], Kind] = MappingProxyType(
    {
        ("comparison", ""): Choice(("full", "rounded")),
        ("decimals", ""): _DECIMALS,
        ("assessment_decimals", ""): _DECIMALS,
        ("three_year_mean", "years"): Number("1", "10", whole=True),
        ("exception_event", "handling"): Choice(("exclude",)),
        ("exception_event", "days"): _DAYS_OF_EVENTS,
        ("sand_dust", "items"): Items(("PM10", "PM2.5")),
        ("sand_dust", "days"): _DAYS_OF_EVENTS,
        ("published_index_2013", ""): Number("0", "1", whole=True),
        ("composite_index", ""): _DECIMALS,
        ("black_odorous", "SD share of depth"): _PERCENT_ABOVE,
        ("black_odorous", ""): _ABOVE,
        ("water_trend", ""): _PERCENT,
        ("main_pollutants", "count"): Number("1", str(len(ASSESSED)), whole=True),
        ("main_pollutants", "priority"): Items(tuple(ASSESSED)),
        ("class_evaluation", "excluded items"): Items(_ITEMS_OF_WATER),
        ("class_evaluation", "non-detect factor"): _SHARE,
        ("drinking_water", "not assessed"): Items(_ITEMS_OF_WATER),
        ("possible_value", ""): _ABOVE,
        ("time_mean", "quarter samples"): Number("1", "3", whole=True),
        ("time_mean", "year months"): Number("1", "12", whole=True),
        ("cwqi", ""): _DECIMALS,
        ("noise_day", "day starts"): Number("0", "12", whole=True),
        ("noise_day", "night starts"): Number("13", "24", whole=True),
        ("noise_day", "sudden night excess"): _PERCENT,
        ("noise_day", ""): _HOURS,
        ("dose_rate", "history hours"): Number("2", "87600", whole=True),
        ("dose_rate", "history days"): Number("1", "3650", whole=True),
        ("dose_rate", ""): _ABOVE,
        ("amount_warning", ""): _PERCENT_ABOVE,
        ("fluctuation", ""): Number("1", above=True),
        ("flue_gas_state", ""): _ABOVE,
        ("reference_oxygen", ""): Number(high="21", above=True, below=True),
        **{
            (f"{medium}_{period}", ""): _PERCENT_ABOVE
            for medium in ("water", "gas")
            for period in ("day", "month", "year")
        },
        ("tax_recheck", ""): _COUNT,
        ("trend_warning_hour", "share of the limit"): _PERCENT_ABOVE,
        ("trend_warning_hour", "window"): Number("2", "100", whole=True),
        ("trend_warning_hour", "least valid"): Number("2", "100", whole=True),
        ("trend_warning_hour", ""): _COUNT,
        ("trend_warning_day", "share of the limit"): _PERCENT_ABOVE,
        ("trend_warning_day", "window"): Number("2", "100", whole=True),
        ("trend_warning_day", "least valid"): Number("2", "100", whole=True),
        ("trend_warning_day", ""): _COUNT,
        ("converted_comparison", ""): _PERCENT_ABOVE,
    }
)
"""By subject and item; an empty item stands for the other items of the subject."""

UNREAD = frozenset(
    {
        ("class_evaluation", "excluded items"),
        ("composite_index", "decimals"),
        ("cwqi", "decimals"),
        ("decimals", "multiple"),
        ("decimals", "rate"),
    }
)
"""Settings that say what the program does, and that no calculation looks up."""


def kind_of(subject: str, item: str) -> Kind | None:
    """What the value of a setting may be; None for a subject nobody knows."""
    return KINDS.get((subject, item)) or KINDS.get((subject, ""))


def problem(subject: str, item: str, value: str) -> Text | None:
    """Say what is wrong with the value of a setting; None where it is one."""
    kind = kind_of(subject, item)
    return None if kind is None else kind.problem(value)
