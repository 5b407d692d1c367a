from django.urls import path

from qingjian.apps.rulekeeping import views

urlpatterns = [
    path("rules/", views.rules, name="rules-to-confirm"),
    path("rules/confirm/", views.confirm, name="rule-confirm"),
    path("rules/own/", views.enter, name="rules-enter"),
    path("rules/own/withdraw/", views.withdraw, name="rule-withdraw"),
    path("rules/own/<slug:table>.csv", views.template, name="rules-template"),
]
