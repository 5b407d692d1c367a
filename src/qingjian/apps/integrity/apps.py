from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class IntegrityConfig(AppConfig):
    name = "qingjian.apps.integrity"
    label = "integrity"
    verbose_name = _("Data integrity")

    def ready(self) -> None:
        from qingjian.apps.integrity import tasks, words  # noqa: F401 - registers the jobs
        from qingjian.apps.integrity.services import muting, rulesets
        from qingjian.apps.matters.words import register_notice
        from qingjian.apps.observing.services import clue_decided

        post_migrate.connect(rulesets.deliver, sender=self)
        register_notice(words.RULE_MUTED, words.muted_notice, page="funnel")
        register_notice(words.MUTE_ASKED, words.asked_notice, page="funnel")
        register_notice(words.CLUE_OVERTURNED, words.overturned_notice, page="clues")
        register_notice(words.CLUE_REOPENED, words.reopened_notice, page="clues")
        register_notice(
            words.PROOF_REOPENED,
            words.reopened_proof_notice,
            page=lambda values: reverse("matter", args=(values["matter"],)),
        )
        clue_decided.connect(muting.hear, dispatch_uid="integrity")
