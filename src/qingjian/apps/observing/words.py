"""What rules, statistics and flags are called on pages."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

RULES = {
    "device-silent": (_("Device silent"), _("No frame came from the device for longer than registered.")),
    "flag-not-normal": (_("Data mark not normal"), _("The device marks its own data as faulty, under maintenance or beyond range.")),
    "gap": (_("Missing periods"), _("Periods the device owes have not come.")),
    "clock-drift": (_("Clock drift"), _("The device's clock differs from the receiving time by more than registered.")),
    "device-against-platform": (_("Device mean differs from ours"), _("The mean the device sent differs from the one computed from its finer data.")),
    "changed-after-the-fact": (_("Changed after the fact"), _("The device sent different values for a period it had already reported.")),
}
STATISTICS = {
    "realtime": _("Real time"),
    "minute": _("Minute"),
    "hour": _("Hour"),
    "day": _("Day"),
    "month": _("Month"),
}
SEVERITY_COLOURS = {"information": "blue", "minor": "yellow", "major": "orange", "critical": "red"}
STATE_COLOURS = {"open": "red", "acknowledged": "orange", "closed": "green"}
COMMAND_STATES = {
    "queued": (_("Queued"), "blue"),
    "claimed": (_("Taken"), "blue"),
    "sent": (_("Sent"), "blue"),
    "accepted": (_("Accepted by the device"), "azure"),
    "succeeded": (_("Done"), "green"),
    "refused": (_("Refused by the device"), "red"),
    "failed": (_("Failed"), "red"),
    "expired": (_("Expired"), "secondary"),
    "cancelled": (_("Cancelled"), "secondary"),
}


def rule_title(rule: str) -> str:
    """Return the title of a rule, its own name when it has none here."""
    return str(RULES.get(rule, (rule, ""))[0])


def rule_text(rule: str) -> str:
    return str(RULES.get(rule, ("", ""))[1])

