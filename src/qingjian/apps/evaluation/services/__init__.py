"""All writes of evaluation: results as revisions, late data and marks, changed rules and registry, the back history."""

from qingjian.apps.evaluation.services import events as air_events
from qingjian.apps.evaluation.services.changes import (
    follow_changes,
    notice_program,
    notice_registry,
    notice_rules,
    to_evaluate,
)
from qingjian.apps.evaluation.services.following import catch_up, evaluate, follow, re_evaluate, whole_hour
from qingjian.apps.evaluation.services.running import renew, run
from qingjian.apps.evaluation.services.storing import differing, store

__all__ = [
    "air_events",
    "catch_up",
    "differing",
    "evaluate",
    "follow",
    "follow_changes",
    "notice_program",
    "notice_registry",
    "notice_rules",
    "re_evaluate",
    "renew",
    "run",
    "store",
    "to_evaluate",
    "whole_hour",
]
