from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RulekeepingConfig(AppConfig):
    name = "qingjian.apps.rulekeeping"
    label = "rulekeeping"
    verbose_name = _("Rules")

    def ready(self) -> None:
        from qingjian.apps.rulekeeping import recorded  # noqa: F401 - registers kinds of ledger events
