from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EvaluationConfig(AppConfig):
    name = "qingjian.apps.evaluation"
    label = "evaluation"
    verbose_name = _("Evaluation")

    def ready(self) -> None:
        from qingjian.apps.evaluation import (  # noqa: F401 - registers jobs, titles, effects, ledger kinds
            again,
            recorded,
            tasks,
            words,
        )
