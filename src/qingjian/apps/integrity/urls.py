from django.urls import path

from qingjian.apps.integrity import views

urlpatterns = [
    path("integrity/verifications/", views.verifications, name="verifications"),
    path("clues/<int:pk>/verify/", views.verify, name="clue-verify"),
]
