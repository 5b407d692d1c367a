from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ObservingConfig(AppConfig):
    name = "qingjian.apps.observing"
    label = "observing"
    verbose_name = _("Observation")
