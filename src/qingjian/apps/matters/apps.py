from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MattersConfig(AppConfig):
    name = "qingjian.apps.matters"
    label = "matters"
    verbose_name = _("Matters")

    def ready(self) -> None:
        # Importing registers bundles, the checks at start-up, the kinds of ledger events and the jobs.
        from qingjian.apps.matters import bundles, channels, checks, recorded, tasks  # noqa: F401

        channels.load_plugins()
