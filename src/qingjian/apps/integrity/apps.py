from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrityConfig(AppConfig):
    name = "qingjian.apps.integrity"
    label = "integrity"
    verbose_name = _("Data integrity")

    def ready(self) -> None:
        from qingjian.apps.integrity import tasks  # noqa: F401 - registers the jobs
