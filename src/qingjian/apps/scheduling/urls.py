from django.urls import path

from qingjian.apps.scheduling import views

urlpatterns = [path("schedule/", views.schedule, name="schedule")]
