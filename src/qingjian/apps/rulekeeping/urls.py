from django.urls import path

from qingjian.apps.rulekeeping import views

urlpatterns = [
    path("rules/", views.rules, name="rules-to-confirm"),
    path("rules/confirm/", views.confirm, name="rule-confirm"),
]
