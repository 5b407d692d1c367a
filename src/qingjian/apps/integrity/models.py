"""Processes of data integrity, as proxies of the one table of matters."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.matters.models import Matter


class ClueVerification(Matter):
    """A clue being verified (线索核实)."""

    process = VERIFICATION

    class Meta:
        proxy = True
        verbose_name = _("Clue verification")
