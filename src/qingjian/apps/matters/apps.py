from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MattersConfig(AppConfig):
    name = "qingjian.apps.matters"
    label = "matters"
    verbose_name = _("Matters")

    def ready(self) -> None:
        from qingjian.apps.matters import bundles, checks, tasks  # noqa: F401 - register bundles, checks and jobs
