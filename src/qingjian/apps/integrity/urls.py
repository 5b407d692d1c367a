from django.urls import path

from qingjian.apps.integrity.views import clues, funnel, rulesets

urlpatterns = [
    path("clues/", clues.clues, name="clues"),
    path("clues/<int:pk>/", clues.clue, name="clue"),
    path("clues/<int:pk>/verify/", clues.verify, name="clue-verify"),
    path("clues/<int:pk>/self-proof/", clues.ask_proof, name="clue-self-proof"),
    path("clues/<int:pk>/dismiss/", clues.dismiss, name="clue-dismiss"),
    path("clues/<int:pk>/reopen/", clues.reopen, name="clue-reopen"),
    path("integrity/verifications/", clues.verifications, name="verifications"),
    path("integrity/self-proofs/", clues.self_proofs, name="self-proofs"),
    path("integrity/suspects/", funnel.suspects, name="suspects"),
    path("integrity/funnel/", funnel.funnel, name="funnel"),
    path("integrity/mute/", funnel.mute, name="rule-mute"),
    path("integrity/mutes/<int:pk>/lift/", funnel.lift, name="rule-lift"),
    path("integrity/mutes/<int:pk>/agree/", funnel.agree, name="rule-mute-agree"),
    path("integrity/rules/", rulesets.rule_sets, name="rule-sets"),
    path("integrity/rules/new/", rulesets.write, name="rule-set-new"),
    path("integrity/rules/<int:version>/", rulesets.rule_set, name="rule-set"),
    path("integrity/rules/<int:version>/try/", rulesets.try_out, name="rule-set-try"),
    path("integrity/rules/<int:version>/switch-on/", rulesets.switch_on, name="rule-set-switch-on"),
]
