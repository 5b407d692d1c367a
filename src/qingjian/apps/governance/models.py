"""Processes of governance, as proxies of the one table of matters."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from qingjian.apps.governance.handling import ALERT_HANDLING
from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.matters.models import Matter


class AlertHandling(Matter):
    """An alert being handled (报警处置)."""

    process = ALERT_HANDLING

    class Meta:
        proxy = True
        verbose_name = _("Handling of an alert")


class CorrectiveAction(Matter):
    """Something ordered to be put right, and checked again (整改)."""

    process = CORRECTIVE_ACTION

    class Meta:
        proxy = True
        verbose_name = _("Corrective action")
