"""What nobody has read in the text of HJ 212, as rows of the page "rules to confirm", and what of it is switched off.

The rows are those of `hj212.profiles.facts`; they are no part of the rulebook values are judged by. What is switched off
reaches gateway and pipeline with the next directory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from django.utils.translation import gettext_lazy as _

from qingjian.apps.rulekeeping.models import LocalRow, RuleConfirmation
from qingjian.contracts.clock import CHINA
from qingjian.hj212 import profiles
from qingjian.hj212.profiles import Fact
from qingjian.rulebook import Confirmation, Row

TABLE = "hj212_facts"
KINDS = {
    "factor": _("Factor codes"),
    "command": _("Commands"),
    "mark": _("Data marks"),
    "suffix": _("Suffixes"),
    "parameter": _("Parameters"),
    "system": _("System codes"),
    "return": _("Answer codes"),
}


@dataclass(frozen=True, slots=True)
class Group:
    """Facts of one edition and kind, counted; `selector` switches off those of confidence U."""

    selector: str
    edition: str
    kind: str
    facts: int
    unconfirmed: int
    """Of confidence U and not confirmed here."""
    confirmed: int
    off: int
    entry: LocalRow | None
    """Who switched the group off as a whole, and why; None while it is not."""

    @property
    def title(self) -> str:
        return str(KINDS[self.kind])


def row_of(selector: str) -> Row:
    """Return the row of a fact, or one that stands for a group."""
    fact = facts_by_id().get(selector)
    return Row.from_values(TABLE, {"fact": selector} if fact is None else _values(fact))


def rows() -> list[Row]:
    """Return a row for each fact, in the order of the tables, with this office's confirmations."""
    confirmed = _confirmations()
    return [_confirmed(row, confirmed) for row in _packaged().values()]


def row(row_id: str) -> Row:
    """Return the row with that id; KeyError when it is no fact's."""
    return _confirmed(_packaged()[row_id], _confirmations())


def switched() -> dict[str, LocalRow]:
    """Return what people have switched off, by selector."""
    found = LocalRow.objects.filter(table=TABLE, withdrawn_at=None).select_related("author")
    return {one.values["fact"]: one for one in found}


def off() -> frozenset[str]:
    """Return what the services leave out of the tables: selectors as `hj212.profiles.switched_off` takes them.

    A group means what is unconfirmed in it: a fact confirmed here stays in use, unless it is switched off by itself.
    """
    named = frozenset(switched())
    groups = {one for one in named if one not in facts_by_id()}
    if not groups:
        return named
    confirmed = {one.values["fact"] for one in rows() if one.confirmed}
    found = set(named - groups)
    for group in groups:
        members = _members(group)
        found |= members - confirmed if members & confirmed else {group}
    return frozenset(found)


def off_ids() -> frozenset[str]:
    """Return the ids of the facts that are switched off, alone or with their group."""
    selectors = off()
    return frozenset().union(
        *(profiles.switched_off(edition, selectors) for edition in ("2005", "2017", "2025"))
    )


def groups() -> list[Group]:
    """Return the groups, in the order of the tables."""
    gone, named = off_ids(), switched()
    confirmed = {one.values["fact"] for one in rows() if one.confirmed}
    found: dict[str, list[Fact]] = {}
    for fact in profiles.facts():
        found.setdefault(fact.group, []).append(fact)
    return [
        Group(
            selector,
            members[0].edition,
            members[0].kind,
            len(members),
            sum(one.confidence == "U" and one.id not in confirmed for one in members),
            sum(one.id in confirmed for one in members),
            sum(one.id in gone for one in members),
            named.get(selector),
        )
        for selector, members in found.items()
    ]


@cache
def facts_by_id() -> dict[str, Fact]:
    return {one.id: one for one in profiles.facts()}


def _members(selector: str) -> frozenset[str]:
    """Return the facts a group switches off."""
    return profiles.switched_off(selector.split(":")[1], {selector})


@cache
def _packaged() -> dict[str, Row]:
    return {row.id: row for row in (Row.from_values(TABLE, _values(one)) for one in profiles.facts())}


def _values(fact: Fact) -> dict[str, str]:
    return {
        "fact": fact.id,
        "standard": "HJ 212",
        "edition": fact.edition,
        "code": fact.code,
        "name_zh": fact.name_zh,
        "says": fact.says,
        "feature": fact.feature,
        "source": fact.source,
        "confidence": fact.confidence,
    }


def _confirmations() -> dict[str, list[RuleConfirmation]]:
    ids = _packaged().keys()
    found: dict[str, list[RuleConfirmation]] = {}
    for one in RuleConfirmation.objects.filter(row_id__startswith=f"{TABLE}-").select_related("author"):
        if one.row_id in ids:
            found.setdefault(one.row_id, []).append(one)
    return found


def _confirmed(row: Row, confirmations: dict[str, list[RuleConfirmation]]) -> Row:
    for one in confirmations.get(row.id, ()):
        if one.row_digest == row.digest:
            day = one.at.astimezone(CHINA).date()
            return row.confirmed_by(Confirmation(one.author.name, day, one.document, one.row_digest))
    return row


def matching(rows: Iterable[Row], group: str) -> list[Row]:
    """Return the rows of a group."""
    return [one for one in rows if facts_by_id()[one.values["fact"]].group == group]
