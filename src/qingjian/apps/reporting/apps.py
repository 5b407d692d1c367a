from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportingConfig(AppConfig):
    name = "qingjian.apps.reporting"
    label = "reporting"
    verbose_name = _("Reports")

    def ready(self) -> None:
        from qingjian.apps.reporting import (  # noqa: F401 - registers bundle part, ledger events, jobs
            bundles,
            recorded,
            tasks,
        )
