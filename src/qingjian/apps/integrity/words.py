"""What rules, kinds and tests of screening are called on pages, and what each test asks, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from typing import Any

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from qingjian.screening.wording import KINDS, one_in, test_words

DAY, MONTH, TWINS = "screening-day", "screening-month", "screening-twins"
EVERY = "*"
"""Stands for all kinds of a rule that have too few closed clues to be judged alone."""
PROCESS, DEVICE = "process-logic", "device-record"
RULES: Mapping[str, Promise | str] = {
    DAY: _("Daily screening"),
    MONTH: _("Monthly dossier"),
    TWINS: _("Two monitors, one series"),
    PROCESS: _("Process logic"),
    DEVICE: _("Record of the device"),
}
RULE_TEXTS: Mapping[str, Promise | str] = {
    DAY: _("Days whose tests together reach what honest days reach no more often than the budget allows."),
    MONTH: _(
        "Months that stand out as a whole although no single day does: slopes, small offsets, favourite digits."
    ),
    TWINS: _("Two monitors whose values agree far better than those of any other pair for at least a month."),
    PROCESS: _(
        "Readings that contradict load, oxygen and flow, other factors of the water, or a declared stop."
    ),
    DEVICE: _(
        "Settings that differ from the register, clocks that jump, values that changed after they were sent."
    ),
}
PLAIN: Mapping[str, Promise | str] = {
    "constants": _(
        "Does the value stand still longer than resolution, detection limit and sampling cycle explain?"
    ),
    "ceiling": _("Does the value stop at the same ceiling again and again?"),
    "bunching": _("Do values gather just below the limit, and are those just above it missing?"),
    "last_digits": _("Are the last digits distributed otherwise than in this series' own past?"),
    "copies": _("Is the stretch a copy of another one: own past, another station, another factor?"),
    "smoothing": _("Does the value move more smoothly from hour to hour than this instrument does?"),
    "level": _(
        "Does level or swing differ from what neighbours, weather and the other factors lead to expect?"
    ),
    "jumps": _("Does the level change at one moment and stay changed?"),
    "coupling": _(
        "Has the value stopped following what it always followed, or does it follow at the wrong time?"
    ),
    "missing_when_high": _("Are values missing just when a high level was to be expected?"),
    "calibration_when_high": _(
        "Was calibration or maintenance marked just when a high level was to be expected?"
    ),
    "declared_when_high": _(
        "Was a state other than normal declared just when a high level was to be expected?"
    ),
    "spraying": _("Does the value drop sharply for a few hours while the surroundings do not?"),
    "hours": _("Is the value low at the same hours, day after day, and as always at the others?"),
    "detection_floor": _("Are there readings this instrument has never shown before?"),
    "physical_logic": _("Is a part larger than the whole it belongs to?"),
    "process": _("Do the values contradict what load, treatment and the other readings of the plant say?"),
    "device": _("Does what the device says of itself need an explanation?"),
    "generated": _("Do the values repeat like a table or follow a formula?"),
    "faults": _("Are there signs of honest trouble: noise, losses, drifts?"),
}
RULE_MUTED = "rule-muted"
"""Kind of the notification to whoever may lift what the precision floor muted."""
MUTE_ASKED = "mute-asked"
"""… that a person wants a rule and kind muted: somebody else has to agree."""
CLUE_OVERTURNED = "clue-overturned"
"""… to whoever decided a clue that a signed verification decides otherwise."""
CLUE_REOPENED = "clue-reopened"
"""… to whoever dismissed a clue that it was opened again."""
PROOF_REOPENED = "proof-reopened"
"""… to the unit whose explanation was accepted that the decision was taken back."""
ALLOWED = (0.01, 0.001)
"""p-values from which a test is called unusual and very unusual."""


def english() -> bool:
    return (get_language() or "").startswith("en")


def rule_title(rule: str) -> str:
    return str(RULES.get(rule, rule))


def kind_title(kind: str) -> str:
    """Return what a kind of falsification is called; a kind that screening does not know keeps its name."""
    if kind == EVERY:
        return str(_("all kinds with few closed clues"))
    words = KINDS.get(kind)
    if words is None:
        return kind
    return capfirst(words.en) if english() else words.zh


def muted_notice(values: Mapping[str, Any]) -> str:
    """Return the sentence of a notification that a rule and kind was muted."""
    return str(
        _("%(rule)s · %(kind)s was muted: %(confirmed)d of %(closed)d closed clues were confirmed")
    ) % {**values, "rule": rule_title(values["rule"]), "kind": kind_title(values["kind"])}


def asked_notice(values: Mapping[str, Any]) -> str:
    """Return the sentence of a notification that somebody wants a rule and kind muted."""
    return str(_("%(person)s wants %(rule)s · %(kind)s muted; a second person has to agree: %(reason)s")) % {
        **values,
        "rule": rule_title(values["rule"]),
        "kind": kind_title(values["kind"]),
    }


def overturned_notice(values: Mapping[str, Any]) -> str:
    """Return the sentence of a notification that a signed verification says otherwise than a decision before."""
    said = {"dismissed": _("dismissed"), "confirmed": _("confirmed")}
    return str(
        _(
            "Clue %(clue)s, which you had decided (%(before)s), is now %(after)s by the verification %(number)s"
        )
    ) % {**values, "before": said[values["before"]], "after": said[values["after"]]}


def reopened_notice(values: Mapping[str, Any]) -> str:
    """Return the sentence of a notification that a dismissal was taken back."""
    return str(_("%(person)s opened clue %(clue)s again, which you had dismissed: %(reason)s")) % {**values}


def reopened_proof_notice(values: Mapping[str, Any]) -> str:
    """Return the sentence that tells a unit its explanation is no longer taken as sufficient; why stays inside."""
    return str(
        _(
            "%(number)s: the decision that your explanation is sufficient was taken back on %(day)s; the data are looked at again. "
            "You are asked anew if more is needed from you."
        )
    ) % {**values}


def kinds() -> list[tuple[str, str]]:
    """Return (code, title) of every kind that screening tells apart."""
    return [(code, kind_title(code)) for code in KINDS if code]


def innocent(kind: str) -> str:
    """Return the ordinary explanations that have to be ruled out first."""
    words = KINDS.get(kind, KINDS[""])
    return capfirst(words.innocent_en) if english() else words.innocent_zh


def test_title(one: Mapping[str, Any]) -> str:
    """Return what a test is called, or what exactly it saw where it has more to say than its name."""
    said = one.get("en" if english() else "zh")
    if said:
        return str(said)
    zh, en = test_words(one["test"])
    return en if english() else zh


def tests_in_words(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tests of a finding with the question each asks and how rare its answer is."""
    found = []
    for one in record.get("tests", ()):
        p = float(one["p"])
        strength = (
            _("very unusual") if p <= ALLOWED[1] else _("unusual") if p <= ALLOWED[0] else _("remarkable")
        )
        found.append(
            {
                "title": test_title(one),
                "code": one["test"],
                "question": PLAIN.get(one["test"].split(".")[0], ""),
                "p": p,
                "day": one["day"],
                "strength": strength,
                "colour": "red" if p <= ALLOWED[1] else "orange" if p <= ALLOWED[0] else "yellow",
                "one_in": one_in(p) if p > 0 else None,
            }
        )
    return found


def score_text(value: float) -> str:
    """Write a score to five digits; none is rounded up to one, because nothing is certain."""
    return f"{min(floor(value * 1e5) / 1e5, 0.99999):.5f}"


def setting(value: Any) -> str:
    """Return a setting of a rule set in words."""
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, list):
        return "、".join(kind_title(one) for one in value) if value else "–"
    return f"{value:g}"
