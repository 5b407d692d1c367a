"""All writes of observation: findings become alerts, people handle them, order of devices, mark data, decide clues."""

from qingjian.apps.observing.models import ESCALATE_AFTER
from qingjian.apps.observing.services.clues import (
    ClueStatement,
    clue_decided,
    conclude_clue,
    decide_clue,
    open_clue,
    open_clue_at,
    reopen_clue,
    revise_clue,
)
from qingjian.apps.observing.services.devices import (
    queue_command,
    queue_first_commands,
    read_frames_again,
)
from qingjian.apps.observing.services.findings import (
    alert_escalated,
    consume_findings,
    escalate_overdue,
    heartbeat_sent,
    prove_heartbeat,
    raise_again,
)
from qingjian.apps.observing.services.handling import acknowledge, carry_out, close, comment, hand_over
from qingjian.apps.observing.services.marks import set_levels, set_mark, tell_pipeline_of_marks

__all__ = [
    "ESCALATE_AFTER",
    "ClueStatement",
    "acknowledge",
    "alert_escalated",
    "carry_out",
    "close",
    "clue_decided",
    "comment",
    "conclude_clue",
    "consume_findings",
    "decide_clue",
    "escalate_overdue",
    "hand_over",
    "heartbeat_sent",
    "open_clue",
    "open_clue_at",
    "prove_heartbeat",
    "queue_command",
    "queue_first_commands",
    "raise_again",
    "read_frames_again",
    "reopen_clue",
    "revise_clue",
    "set_levels",
    "set_mark",
    "tell_pipeline_of_marks",
]
