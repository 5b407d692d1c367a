"""Who is touched by a change of rules: the apps above register what they evaluate again, and how to look ahead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.functional import Promise

from qingjian.apps.rulekeeping.models import RuleProposal
from qingjian.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Changed:
    """One result that is or would be another."""

    subject: str
    period: str
    before: str
    after: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What one kind of results would do under the new rules, looked at from `first` to `last`."""

    title: str
    first: date
    last: date
    whole_first: date
    """The whole stretch that will be evaluated again; only its newest part is looked at ahead."""
    examined: int
    changed: Sequence[Changed] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a decided change has done so far."""

    title: str
    first: date
    last: date
    state: str
    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Effect:
    """Registered by an app whose results rest on the rulebook."""

    name: str
    title: Promise | str
    look_ahead: Callable[[Rulebook, Rulebook, Any], Sequence[Outlook]]
    """(present rules, rules as proposed, reader) → what would change of that which the reader may see; nothing is stored."""
    outcomes: Callable[[RuleProposal], Sequence[Outcome]] = field(default=lambda _change: ())


_effects: dict[str, Effect] = {}


def register(effect: Effect) -> Effect:
    """Add an effect; the same name twice is an error."""
    if effect.name in _effects:
        raise ValueError(f"effect {effect.name} is registered twice")
    _effects[effect.name] = effect
    return effect


def effects() -> list[Effect]:
    return [_effects[name] for name in sorted(_effects)]
