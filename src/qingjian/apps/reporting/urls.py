from django.urls import path

from qingjian.apps.reporting import views

urlpatterns = [
    path("reports/", views.reports, name="reports"),
    path("reports/make/", views.make, name="report-make"),
    path("reports/<int:pk>/", views.report, name="report"),
    path("reports/<int:pk>/file.<str:kind>", views.download, name="report-file"),
    path("reports/<int:pk>/compare/", views.compare, name="report-compare"),
    path("reports/<int:pk>/renew/", views.renew, name="report-renew"),
    path("reports/<int:pk>/sign/", views.sign, name="report-sign"),
]
