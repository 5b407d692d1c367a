from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "qingjian.desk"
    label = "desk"
