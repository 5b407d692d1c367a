"""What the regular jobs do."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.elements import ELEMENT_RULES
from qingjian.apps.evaluation.models import Failure
from qingjian.apps.evaluation.services import isolating
from qingjian.apps.evaluation.services.changes import follow_changes
from qingjian.apps.evaluation.services.following import afterwards, catch_up, evaluate, follow, try_again
from qingjian.apps.scheduling.said import joined, sentence
from qingjian.contracts.current import clock, now

Step = Failure.Step


def run(seconds: float = 30.0) -> str:
    """Follow what came in and what changed in the rules, then go on with the back history; return a sentence."""
    begun = clock().monotonic()
    told: list[str] = []
    # Changes first, so that the results they change name them also where late data touch the same days.
    changed = follow_changes(seconds / 2)
    again = try_again(seconds / 4)
    followed = {name: isolating.guarded(name, Step.FOLLOW, partial(follow, name)) for name in ELEMENT_RULES}
    if changed:
        told.append(sentence("rules %(count)s", count=changed))
    if again:
        told.append(sentence("tried again: %(count)d", count=again))
    for name, made in sorted(followed.items(), key=lambda one: "hour" in ELEMENT_RULES[one[0]].statistics):
        title = ELEMENT_RULES[name].title
        if made is None:
            told.append(sentence("%(title)s: failed", title=title))
            continue
        left = max(0.0, seconds - (clock().monotonic() - begun))
        more = isolating.guarded(name, Step.HISTORY, partial(catch_up, name, left))
        if more is None:
            told.append(sentence("%(title)s: failed", title=title))
            continue
        told.append(sentence("%(title)s: %(count)d", title=title, count=made + more[0]))
        if not more[1]:
            told.append(sentence("(back history goes on)"))
    return joined([*told, *_failures()])


def renew(days: int = 3) -> str:
    """Evaluate the last days again, whatever became known: rules and registry may have changed."""
    last = day_of(now())
    told = []
    for name in ELEMENT_RULES:
        made = isolating.guarded(name, Step.RENEW, partial(_renewed, name, last - timedelta(days=days), last))
        title = ELEMENT_RULES[name].title
        if made is None:
            told.append(sentence("%(title)s: failed", title=title))
        else:
            told.append(sentence("%(title)s: %(count)d", title=title, count=made))
    return joined([*told, *_failures()])


def _renewed(name: str, first: date, last: date) -> int:
    rows = evaluate(name, first, last)
    afterwards(name, None)
    return len(rows)


def _failures() -> list[str]:
    count = Failure.objects.count()
    return [sentence("failures: %(count)d", count=count)] if count else []
