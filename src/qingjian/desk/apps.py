from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "qingjian.desk"
    label = "desk"

    def ready(self) -> None:
        from qingjian.desk import tasks  # noqa: F401 - registers the jobs
        from qingjian.desk.ledger import backups  # noqa: F401 - registers a kind and its comparison
