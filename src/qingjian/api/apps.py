from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "qingjian.api"
    label = "api"
