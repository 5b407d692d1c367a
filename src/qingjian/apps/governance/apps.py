from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GovernanceConfig(AppConfig):
    name = "qingjian.apps.governance"
    label = "governance"
    verbose_name = _("Governance")

    def ready(self) -> None:
        from qingjian.apps.governance import (
            escalating,
            queries,  # noqa: F401 - registers the carrier of alerts
            tasks,  # noqa: F401 - registers the job
        )
        from qingjian.apps.matters.words import register_notice
        from qingjian.apps.observing.services import alert_escalated

        register_notice(escalating.NOTICE, escalating.sentence, page=escalating.address)
        alert_escalated.connect(escalating.hear, dispatch_uid="governance")
