from django.urls import path

from qingjian.apps.rulekeeping import limit_views, views

urlpatterns = [
    path("rules/", views.rules, name="rules-to-confirm"),
    path("rules/confirm/", views.confirm, name="rule-confirm"),
    path("rules/switch/", views.switch, name="rule-switch"),
    path("rules/own/", views.enter, name="rules-enter"),
    path("rules/own/withdraw/", views.withdraw, name="rule-withdraw"),
    path("rules/own/<slug:table>.csv", views.template, name="rules-template"),
    path("limits/", limit_views.limits, name="limits"),
    path("limits/template/", limit_views.template, name="limits-template"),
    path("limits/propose/", limit_views.propose, name="limit-propose"),
    path("limits/take-back/", limit_views.take_back, name="limit-take-back"),
    path("limits/changes/", limit_views.changes, name="limit-changes"),
    path("limits/changes/<int:pk>/", limit_views.change, name="limit-change"),
    path("limits/changes/<int:pk>/ahead/", limit_views.look_ahead, name="limit-change-ahead"),
    path("limits/changes/<int:pk>/decide/", limit_views.decide, name="limit-change-decide"),
]
