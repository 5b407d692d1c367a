from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GovernanceConfig(AppConfig):
    name = "qingjian.apps.governance"
    label = "governance"
    verbose_name = _("Governance")

    def ready(self) -> None:
        from qingjian.apps.governance import queries, tasks  # noqa: F401 - registers the job and the carrier of alerts
