from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "qingjian.portal"
    label = "portal"
