from django.urls import path

from qingjian.apps.governance import views

urlpatterns = [
    path("governance/alerts/", views.alert_handlings, name="alert-handlings"),
    path("governance/corrective-actions/", views.corrective_actions, name="corrective-actions"),
]
