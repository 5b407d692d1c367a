"""Addresses of the whole site."""

from django.urls import include, path

urlpatterns = [
    path("", include("qingjian.apps.accounts.urls")),
    path("", include("qingjian.apps.scheduling.urls")),
    path("", include("qingjian.apps.rulekeeping.urls")),
    path("", include("qingjian.apps.network.urls")),
    path("", include("qingjian.apps.observing.urls")),
    path("", include("qingjian.apps.evaluation.urls")),
    path("", include("qingjian.apps.matters.urls")),
    path("", include("qingjian.apps.integrity.urls")),
    path("", include("qingjian.apps.governance.urls")),
    path("", include("qingjian.apps.reporting.urls")),
    path("", include("qingjian.desk.urls")),
    path("", include("qingjian.api.urls")),
    path("", include("qingjian.portal.urls")),
]

handler400 = "qingjian.ui.errors.not_understood"
