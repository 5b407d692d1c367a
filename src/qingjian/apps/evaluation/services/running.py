"""What the regular jobs do."""

from __future__ import annotations

from datetime import timedelta

from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.elements import ELEMENT_RULES
from qingjian.apps.evaluation.services.changes import follow_changes
from qingjian.apps.evaluation.services.following import catch_up, evaluate, follow
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.apps.scheduling.said import joined, sentence
from qingjian.contracts.current import clock, now


def run(seconds: float = 30.0) -> str:
    """Follow what came in and what changed in the rules, then go on with the back history; return a sentence."""
    begun = clock().monotonic()
    told: list[str] = []
    # Changes first, so that the results they change name them also where late data touch the same days.
    changed = follow_changes(seconds / 2)
    followed = {name: follow(name) for name in ELEMENT_RULES}
    if changed:
        told.append(sentence("rules %(count)s", count=changed))
    for name, made in sorted(followed.items(), key=lambda one: "hour" in ELEMENT_RULES[one[0]].statistics):
        more, complete = catch_up(name, max(0.0, seconds - (clock().monotonic() - begun)))
        told.append(sentence("%(title)s: %(count)d", title=ELEMENT_RULES[name].title, count=made + more))
        if not complete:
            told.append(sentence("(back history goes on)"))
    return joined(told)


def renew(days: int = 3) -> str:
    """Evaluate the last days again, whatever became known: rules and registry may have changed."""
    last = day_of(now())
    told = []
    for name, rules in ELEMENT_RULES.items():
        rows = evaluate(name, last - timedelta(days=days), last)
        if rules.after is not None:
            rules.after(None, rulebook())
        told.append(sentence("%(title)s: %(count)d", title=ELEMENT_RULES[name].title, count=len(rows)))
    return joined(told)
