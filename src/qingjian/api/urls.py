from django.urls import path

from qingjian.api import documentation
from qingjian.api.application import api

urlpatterns = [
    path("api/", documentation.page, name="api"),
    path("api/v1/", api.urls),
]
