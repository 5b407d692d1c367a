from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SchedulingConfig(AppConfig):
    name = "qingjian.apps.scheduling"
    label = "scheduling"
    verbose_name = _("Schedule")

    def ready(self) -> None:
        from qingjian.apps.scheduling import tasks  # noqa: F401
