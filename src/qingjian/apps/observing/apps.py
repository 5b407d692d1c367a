from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ObservingConfig(AppConfig):
    name = "qingjian.apps.observing"
    label = "observing"
    verbose_name = _("Observation")

    def ready(self) -> None:
        from qingjian.apps.network import source_panels
        from qingjian.apps.observing import recorded, series_panel, tasks  # noqa: F401 - register kinds and jobs

        source_panels.register("observing/source_panel.html", series_panel.of_source)
