from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NetworkConfig(AppConfig):
    name = "qingjian.apps.network"
    label = "network"
    verbose_name = _("Registry")

    def ready(self) -> None:
        from qingjian.apps.network import (  # noqa: F401 - register kinds of ledger events and their comparison
            comparison,
            queries,
            recorded,
            services,
        )
        from qingjian.apps.rulekeeping import places
        from qingjian.apps.rulekeeping.services import rulebook_changed

        places.register("outlet_standards", places.Named("outlet", queries.region_of_outlet))
        places.register_factors(queries.factor_names)
        rulebook_changed.connect(services.follow_rulebook, dispatch_uid="network")
