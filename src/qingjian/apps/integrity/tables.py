"""Lists of data integrity."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.matters.tables import ProcessListing


class VerificationListing(ProcessListing):
    title = _("Clue verifications")
    name = "clue-verifications"
    process = VERIFICATION
    empty_text = _("No clue is being verified. Open one from the list of clues.")
