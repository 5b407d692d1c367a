"""Tables of matters, by subject: the matter and its trail, clocks, records, messages."""

from qingjian.apps.matters.models.clocks import CalendarTable, ClockStop, Deadline, DeadlineRevision
from qingjian.apps.matters.models.matter import Matter, MatterLink, NumberSeries, Receipt, TrailEntry
from qingjian.apps.matters.models.messages import (
    Delegation,
    Delivery,
    Notification,
    WebhookTarget,
)
from qingjian.apps.matters.models.records import (
    Certificate,
    Disclosure,
    Document,
    DocumentTemplate,
    Evidence,
    SignOff,
    SignSheet,
    StoredFile,
)

__all__ = [
    "CalendarTable",
    "Certificate",
    "ClockStop",
    "Deadline",
    "DeadlineRevision",
    "Delegation",
    "Delivery",
    "Disclosure",
    "Document",
    "DocumentTemplate",
    "Evidence",
    "Matter",
    "MatterLink",
    "Notification",
    "NumberSeries",
    "Receipt",
    "SignOff",
    "SignSheet",
    "StoredFile",
    "TrailEntry",
    "WebhookTarget",
]
