from django.apps import AppConfig


class UIConfig(AppConfig):
    name = "qingjian.ui"
    label = "ui"
