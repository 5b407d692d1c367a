from django.urls import path

from qingjian.desk import views

urlpatterns = [
    path("", views.workbench, name="workbench"),
]
