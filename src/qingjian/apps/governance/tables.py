"""Lists of governance."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from qingjian.apps.governance.handling import ALERT_HANDLING
from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.matters.tables import ProcessListing


class CorrectiveActionListing(ProcessListing):
    title = _("Corrective actions")
    name = "corrective-actions"
    process = CORRECTIVE_ACTION
    empty_text = _("Nothing has been ordered to be put right.")


class AlertHandlingListing(ProcessListing):
    title = _("Alerts being handled")
    name = "alert-handlings"
    process = ALERT_HANDLING
    empty_text = _("No alert of a limit asks for work. When one does, it appears here with its deadline.")
