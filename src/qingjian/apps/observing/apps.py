from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ObservingConfig(AppConfig):
    name = "qingjian.apps.observing"
    label = "observing"
    verbose_name = _("Observation")

    def ready(self) -> None:
        from qingjian.apps.observing import recorded, tasks  # noqa: F401 - register kinds and jobs
