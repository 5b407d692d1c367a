"""All writes of matters. What happens to one matter goes through `open_matter` and `act`."""

from qingjian.apps.matters.services.acting import Done, act, open_matter
from qingjian.apps.matters.services.clocks import import_calendar, recompute_deadlines, worsen
from qingjian.apps.matters.services.delivery import add_webhook, deliver, mark_read, switch_webhook
from qingjian.apps.matters.services.documents import approve_template, offer_template, withdraw_template
from qingjian.apps.matters.services.files import store
from qingjian.apps.matters.services.notices import announce
from qingjian.apps.matters.services.people import (
    delegate,
    end_delegation,
    hand_over,
    register_certificate,
    revoke_certificate,
    warn_of_certificates,
)
from qingjian.apps.matters.services.recorders import Imported, import_recorder
from qingjian.apps.matters.services.watching import escalate, remind, report_orphans

__all__ = [
    "Done",
    "Imported",
    "act",
    "add_webhook",
    "announce",
    "approve_template",
    "delegate",
    "deliver",
    "end_delegation",
    "escalate",
    "hand_over",
    "import_calendar",
    "import_recorder",
    "mark_read",
    "offer_template",
    "open_matter",
    "recompute_deadlines",
    "register_certificate",
    "remind",
    "report_orphans",
    "revoke_certificate",
    "store",
    "switch_webhook",
    "warn_of_certificates",
    "withdraw_template",
    "worsen",
]
